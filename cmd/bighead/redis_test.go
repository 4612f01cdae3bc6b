package main

import (
	"fmt"
	"testing"

	redisserver "github.com/bighead-ml/bighead/engine/enginetest/server"
)

// onRedis are the settings of a project whose online store is a Redis.
func onRedis(url string) string {
	return fmt.Sprintf("[store]\nkind = \"redis\"\nurl = %q\nprefix = \"flights\"\n", url)
}

func TestOnlineOnRedis(t *testing.T) { testOnline(t, onRedis("redis://"+redisserver.Redis(t).Addr)) }

func TestUpOnRedis(t *testing.T) { testUp(t, onRedis("redis://"+redisserver.Redis(t).Addr)) }
