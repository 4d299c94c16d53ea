// Package serve runs the production server, and the commands that check and prepare what
// it needs: serve, check, migrate.
package serve
