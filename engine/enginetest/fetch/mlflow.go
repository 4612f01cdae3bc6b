package fetch

import (
	"context"
	_ "embed"
)

// mlflowPackages are MLflow's client without the packages for data and models (mlflow-skinny), and what it imports, each with its version.
//
//go:embed mlflow.txt
var mlflowPackages []byte

// MLflowHome is an MLflow that can be imported.
type MLflowHome struct {
	Python string // the interpreter
	Dir    string // to put in PYTHONPATH
}

// MLflow returns the pinned client of MLflow, fetched if need be: some 120 MB.
func MLflow(ctx context.Context) (MLflowHome, error) {
	python, dir, err := pythonPackages(ctx, "mlflow", "MLflow's client", mlflowPackages, "mlflow/store/model_registry/rest_store.py")
	return MLflowHome{Python: python, Dir: dir}, err
}
