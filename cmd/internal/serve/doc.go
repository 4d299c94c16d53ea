// Package serve runs the production server, and the commands that prepare and check what it
// needs: serve, check, migrate.
package serve
