// Package cmdtest has what the tests of commands share: environments with a simulated
// Alipay and a centre of their own, citizens in them, and servers and commands inside
// the test's process.
package cmdtest
