package tree

import "math"

// What follows is a port of logf of Arm's optimized routines, which musl and glibc carry, and its table of constants:
//
// Copyright (c) 2017-2018, Arm Limited.
//
// Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
// "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge,
// publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so,
// subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
// MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR
// ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH
// THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.

// logfTable has, of the middle c of each sixteenth of [0x1.66p-1, 0x1.66p0), 1/c and log(c).
var logfTable = [16][2]float64{
	{1.398907162146528, -0.33569133332882284},
	{1.3403141896637998, -0.2929040563774074},
	{1.286432210124115, -0.2518726580937369},
	{1.2367150214269895, -0.21245868807117255},
	{1.1906977166711752, -0.17453945183745634},
	{1.1479821020556429, -0.1380057072319758},
	{1.1082251448272158, -0.10275976698545139},
	{1.0711297413057381, -0.06871392447020525},
	{1.036437278977283, -0.0357891387398228},
	{1, 0},
	{0.9492859795739057, 0.05204517742929496},
	{0.8951049428609004, 0.11081431298787942},
	{0.8476821620351103, 0.1652495223695143},
	{0.8050314851692001, 0.21687389031699977},
	{0.7664671008843108, 0.2659635028121397},
	{0.731428603316328, 0.3127556664073557},
}

// logf is log of float32 as C's library gives it on the machines where models are trained (0.818 ulp): XGBoost begins its sums with it, so
// a better logarithm would make every sum another one. x must be above 0.
func logf(x float32) float32 {
	if x == 1 {
		return 0
	}
	bits := math.Float32bits(x)
	if bits >= 0x7f800000 {
		return x
	}
	if bits < 0x00800000 {
		bits = math.Float32bits(x*(1<<23)) - 23<<23
	}
	// x = 2^k·z, z in the table's range, and log(x) = log1p(z/c-1) + log(c) + k·ln 2
	from := bits - 0x3f330000
	entry, k := &logfTable[from>>19&15], int32(from)>>23
	z := float64(math.Float32frombits(bits - from&0xff800000))
	r := float64(z*entry[0]) - 1
	y0 := entry[1] + float64(float64(k)*0.6931471805599453)
	r2 := float64(r * r)
	y := float64(0.333456765744066*r) + -0.4999997485802103
	y = float64(-0.25089342214237154*r2) + y
	y = float64(y*r2) + (y0 + r)
	return float32(y)
}
