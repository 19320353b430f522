// Package prometheus has the figures of a peer collected by Prometheus.
//
//	i := inspect.New(srv, inspect.Config{Timing: true})
//	registry.MustRegister(prometheus.New(i))
//	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
//
// It is a module of its own, so that only programs that use it depend on Prometheus' client.
//
// Labels are names that the program or this library has chosen: the packet's name, the
// direction, the reason, the limit, the number of a loop. What another side has chosen, such
// as an address or a reason that nobody has registered, is never a label.
//
// The peer is asked when it is scraped, and the conns are not visited for it. What a loop does
// not tell within a second is missing from that scrape, and packetmq_incomplete is 1.
//
// The file dashboard.json is a dashboard for Grafana.
package prometheus
