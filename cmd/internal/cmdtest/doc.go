// Package cmdtest contains what the tests of commands share: environments with a
// simulated Alipay and a centre of their own, citizens, and servers and commands that run
// inside the test process.
package cmdtest
