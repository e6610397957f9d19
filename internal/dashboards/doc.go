// Package dashboards writes the Grafana dashboards in grafana/dashboards, and
// asks a real Prometheus every question that is on them. It is made of tests
// alone, so that nothing of it goes into simd: TestDashboardsAreMadeFromTheCode
// with -update writes the files. It knows the names on /metrics, and not how they
// come to be there.
package dashboards
