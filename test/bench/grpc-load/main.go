// A load generator for etcd's gRPC interface, with the same keys and values as the one over HTTP.
// It prints one line of JSON, as wrk prints its summary.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"time"
)

type worker struct {
	took     []time.Duration
	failures int
}

func (w *worker) run(client *etcdClient, until time.Time, read bool, value string, keys int) {
	random := rand.New(rand.NewSource(rand.Int63()))
	for time.Now().Before(until) {
		key := fmt.Sprintf("k%05d", random.Intn(keys))
		at := time.Now()
		var err error
		if read {
			_, err = client.Get(context.Background(), key)
		} else {
			_, err = client.Put(context.Background(), key, value)
		}
		if err != nil {
			w.failures++
			continue
		}
		w.took = append(w.took, time.Since(at))
	}
}

func main() {
	endpoint := flag.String("endpoint", "", "host:port")
	clients := flag.Int("clients", 64, "requests in flight")
	connections := flag.Int("connections", 8, "TCP connections that the clients share")
	seconds := flag.Float64("seconds", 3, "duration")
	bytes := flag.Int("value-bytes", 100, "size of a value")
	keys := flag.Int("keys", 10000, "number of keys")
	read := flag.Bool("read", false, "linearizable reads instead of writes")
	flag.Parse()

	pool := make([]*etcdClient, *connections)
	for at := range pool {
		client, err := newClient(etcdConfig{Endpoints: []string{*endpoint}, DialTimeout: 5 * time.Second})
		if err != nil {
			fmt.Fprintf(os.Stderr, "Cannot connect to %s: %v\n", *endpoint, err)
			os.Exit(1)
		}
		defer client.Close()
		pool[at] = client
	}
	value := strings.Repeat("v", *bytes)
	workers := make([]worker, *clients)
	var all sync.WaitGroup
	from := time.Now()
	until := from.Add(time.Duration(*seconds * float64(time.Second)))
	for at := range workers {
		all.Add(1)
		go func(at int) {
			defer all.Done()
			workers[at].run(pool[at%len(pool)], until, *read, value, *keys)
		}(at)
	}
	all.Wait()
	elapsed := time.Since(from).Seconds()

	var took []time.Duration
	failures := 0
	for at := range workers {
		took = append(took, workers[at].took...)
		failures += workers[at].failures
	}
	if len(took) == 0 {
		fmt.Fprintln(os.Stderr, "No request succeeded")
		os.Exit(1)
	}
	sort.Slice(took, func(a, b int) bool { return took[a] < took[b] })
	milliseconds := func(share float64) float64 {
		return took[int(share*float64(len(took)-1))].Seconds() * 1000
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"perSecond": float64(len(took)) / elapsed,
		"requests":  len(took) + failures,
		"p50Ms":     milliseconds(0.5),
		"p99Ms":     milliseconds(0.99),
		"failures":  failures,
	})
}
