// Package python answers with models that cannot be exported: pickles, each in processes of the Python that it was trained with. A pickle is a
// program, so it is opened only where a description beside it, which training writes for models that say pickle=True, names it.
//
// A model has some workers (Options.Workers). Each answers one request at a time; requests wait in one line for the first that is free, as long as
// their contexts let them. A worker is watched by one goroutine (supervise.go), which starts it, waits for its end, and starts it again after a time
// that doubles with each end that follows soon. While none runs, requests do not wait: they are ErrUnavailable at once.
//
// A request whose context ends goes, and its worker finishes the answer for nobody; one that has not answered after Options.Timeout is killed, and with
// it its process group. So is one that writes what is no message (frame.go). What a worker is, is in sdk/python/bighead/_worker.py.
package python
