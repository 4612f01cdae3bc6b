package flink

import (
	"os"
	"testing"

	"github.com/bighead-ml/bighead/engine/enginetest/server"
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }
