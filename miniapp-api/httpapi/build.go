package httpapi

import "github.com/prometheus/client_golang/prometheus"

// ReportBuild adds fundpass_build_info, whose labels describe the build, to the metrics. ReportBuild must be called at most once per Server.
func (s *Server) ReportBuild(version, revision, goVersion string) {
	s.metrics.into.MustRegister(buildInfo(version, revision, goVersion))
}

func buildInfo(version, revision, goVersion string) prometheus.Collector {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "fundpass_build_info", Help: "Always 1; the labels say what the program was built from.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": goVersion},
	})
	info.Set(1)
	return info
}
