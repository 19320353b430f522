package main

// The flags of TLS.

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/packetmq/packetmq/internal/command"
)

// tlsFlags are what the flags say of TLS.
type tlsFlags struct {
	ca, cert, key, name string
	insecure            bool
}

// define defines the flags.
func (t *tlsFlags) define(fs *pflag.FlagSet) {
	fs.StringVar(&t.ca, "ca", "", "`FILE` with the certificates (PEM) that vouch for the server; the system's if it is missing")
	fs.StringVar(&t.cert, "cert", "", "`FILE` with the certificate (PEM) to show, with --key")
	fs.StringVar(&t.key, "key", "", "`FILE` with the key (PEM) of --cert")
	fs.StringVar(&t.name, "server-name", "", "`HOST` that the server's certificate is to be for; that of ADDR if it is missing")
	fs.BoolVar(&t.insecure, "insecure", false, "take any certificate: whoever is in between can read and change everything")
}

// config is what they say.
func (t *tlsFlags) config() (*tls.Config, error) {
	cfg := &tls.Config{ServerName: t.name, InsecureSkipVerify: t.insecure}
	if t.ca != "" {
		pem, err := os.ReadFile(t.ca)
		if err != nil {
			return nil, err
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: no certificate is in it", t.ca)
		}
	}
	if (t.cert == "") != (t.key == "") {
		return nil, command.Usagef("--cert and --key belong together")
	}
	if t.cert != "" {
		pair, err := tls.LoadX509KeyPair(t.cert, t.key)
		if err != nil {
			return nil, err
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}
