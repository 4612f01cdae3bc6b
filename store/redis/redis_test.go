package redis

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/store/storetest"
)

var prefixes atomic.Int64

// fresh gives each test a prefix of its own on the servers of a URL.
func fresh(url string) func(testing.TB) storetest.Open {
	return func(testing.TB) storetest.Open {
		prefix := "test" + strconv.FormatInt(prefixes.Add(1), 10)
		return func() (store.Store, error) {
			return Open(context.Background(), Options{URL: url, Prefix: prefix, Timeout: patience})
		}
	}
}

func TestContract(t *testing.T) {
	storetest.Run(t, fresh("redis://"+server.Redis(t).Addr))
}

func TestContractInACluster(t *testing.T) {
	nodes := server.RedisCluster(t)
	storetest.Run(t, fresh("redis://"+nodes[0].Addr+"?addr="+nodes[1].Addr+"&addr="+nodes[2].Addr))
}
