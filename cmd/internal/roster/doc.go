// Package roster brings the database in step with what the centre and Alipay know: the rosters
// of depositors by import and sync, missed cancellations by reconcile, and Alipay's
// new identifiers by migrate-openid.
package roster
