package pgconn

import "github.com/lib/pq"

// hostsOf returns a configuration for each host.
func hostsOf(cfg pq.Config) []pq.Config {
	all := []pq.Config{cfg.Clone()}
	for _, m := range cfg.Multi {
		c := cfg.Clone()
		c.Host, c.Hostaddr, c.Port = m.Host, m.Hostaddr, m.Port
		all = append(all, c)
	}
	for i := range all {
		all[i].Multi = nil
	}
	return all
}
