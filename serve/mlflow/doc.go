// Package mlflow answers what MLflow's client asks of a model registry, over HTTP and read-only: which models there are, their versions,
// aliases, where an artifact lies, and the metrics and parameters of the run that made a version. It is the catalog in MLflow's words, so that
// tools which find models through MLflow find those of bighead; what writes is refused by name.
//
//	handler.go   the calls: who asks, and errors in MLflow's form
//	registry.go  models and versions as MLflow has them
//	search.go    searches: order and pages
//	filter.go    the language of their filters
//
// What MLflow has and the catalog has not: stages (every version is in "None"), descriptions, tags that somebody sets, and experiments (every run
// is of "0"). An artifact is bighead's own, which MLflow's flavours cannot load.
package mlflow
