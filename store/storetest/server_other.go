//go:build !unix

package storetest

import "fundpass/store/localpg"

func shared() (*server, error) { return nil, localpg.ErrNoPrograms }
