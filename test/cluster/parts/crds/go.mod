// The custom resource definitions of Istio and of the Gateway API, read from their published modules.
module serin.dev/test/cluster/parts/crds

go 1.26.0

require (
	istio.io/api v1.28.3 // indirect
	sigs.k8s.io/gateway-api v1.6.3 // indirect
)
