// Package tiled answers for a join's source from tiles: which whole days of event time its table of tiles can stand for, which files
// are then left to be read, and the tiles of the keys that are asked about.
//
// A day is left to tiles where every fold that the join's windows need has an up-to-date cell on it, in tiles that every edge of these
// windows lies on, and no window ends within the day at a time that is no edge of a tile. Days before the spine's first row are such days, and
// behind a delay, where ends are cut, all of them. Everything else is read as rows, so that tiles and rows never overlap.
package tiled
