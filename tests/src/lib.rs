//! The lab: a real multi-node Kubernetes in network namespaces, and the tests that run on it.
