// Package settings reads the environment variables and the files they name, says what is
// wrong with them, and opens the database they lead to.
package settings
