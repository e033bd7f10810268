// The custom resource definitions of the Prometheus Operator, read from its published module.
module serin.dev/test/cluster/parts/monitoring

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.85.0 // indirect
