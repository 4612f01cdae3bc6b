package main

import (
	"fmt"
	nethttp "net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	redisserver "github.com/bighead-ml/bighead/engine/enginetest/server"
)

// onRedis are the settings of a project whose online store is a Redis.
func onRedis(url string) string {
	return fmt.Sprintf("[store]\nkind = \"redis\"\nurl = %q\nprefix = \"flights\"\n", url)
}

// longLease is for a server that is alone with a shared store: one that stands still for a while keeps its turn.
const longLease = "[stream]\nlease = \"1h\"\n"

func TestOnlineOnRedis(t *testing.T) {
	testOnline(t, longLease+onRedis("redis://"+redisserver.Redis(t).Addr))
}

func TestUpOnRedis(t *testing.T) { testUp(t, longLease+onRedis("redis://"+redisserver.Redis(t).Addr)) }

// TestUpOnRedisCluster and TestUpOnRedisSentinel are TestUp over the servers that are more than one: three masters, and the one that a Sentinel names.
func TestUpOnRedisCluster(t *testing.T) {
	nodes := redisserver.RedisCluster(t)
	testUp(t, longLease+onRedis("redis://"+nodes[0].Addr+"?addr="+nodes[1].Addr))
}

func TestUpOnRedisSentinel(t *testing.T) {
	sentinel, _, _ := redisserver.RedisSentinel(t, "here")
	testUp(t, longLease+onRedis("redis://"+sentinel.Addr+"?master_set=here"))
}

// TestDoctorOnRedis says of a shared store whether it can be reached and suits, and how to mend it where not.
func TestDoctorOnRedis(t *testing.T) {
	good, locked := redisserver.Redis(t), redisserver.Redis(t, "--requirepass", "secret")
	evicting := redisserver.Redis(t, "--maxmemory", "10mb", "--maxmemory-policy", "allkeys-lru")
	gone := redisserver.Redis(t)
	gone.Stop()
	http := httptest.NewServer(nethttp.NotFoundHandler())
	defer http.Close()
	for _, c := range []struct {
		toml, says string
		code       int
	}{
		{onRedis("redis://" + good.Addr), "ok   online store: redis, under the prefix flights", exitGood},
		{onRedis("redis://" + locked.Addr), "redis://user:password@host", exitMistake},
		{onRedis("redis://:secret@" + locked.Addr), "ok   online store", exitGood},
		{onRedis("redis://" + evicting.Addr), "Set maxmemory-policy noeviction", exitMistake},
		{onRedis("redis://" + gone.Addr), "cannot be reached", exitMistake},
		{onRedis("redis://" + http.Listener.Addr().String()), "does not speak Redis's protocol", exitMistake},
		{onRedis("http://" + good.Addr), "is no URL of Redis", exitMistake},
		{onRedis("redis://" + good.Addr + "?adr=x"), `unknown parameter "adr"`, exitMistake},
		{"[store]\nkind = \"redis\"\n", "needs a url", exitMistake},
	} {
		dir := smallProject(t, smallFeatures)
		if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte(c.toml), 0o644); err != nil {
			t.Fatal(err)
		}
		code, out, stderr := bighead(t, dir, "doctor")
		if code != c.code || !strings.Contains(out, c.says) || strings.Contains(out, "secret@") {
			t.Errorf("with\n%s\ndoctor answers %d\n%s%s\nwant: %s", c.toml, code, out, stderr, c.says)
		}
	}
}
