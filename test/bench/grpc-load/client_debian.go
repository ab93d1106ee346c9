//go:build debian

package main

// Where Debian's golang-etcd-server-dev puts etcd's client.
import clientv3 "go.etcd.io/etcd/clientv3"

type (
	etcdClient = clientv3.Client
	etcdConfig = clientv3.Config
)

var newClient = clientv3.New
