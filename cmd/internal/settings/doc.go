// Package settings reads and validates the environment variables and the files that they
// name, and opens the database.
package settings
