//go:build !debian

package main

import clientv3 "go.etcd.io/etcd/client/v3"

type (
	etcdClient = clientv3.Client
	etcdConfig = clientv3.Config
)

var newClient = clientv3.New
