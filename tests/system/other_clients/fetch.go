// Fetches the page twice with Go's crypto/tls, the second time with the session of the first.
//
//	fetch ADDRESS:PORT NAME CA-FILE 1.2|1.3 keep|forget [CURVE...]
//
// With forget it keeps no session.  It shows the certificate that the environment names, if any:
// CLIENT_CERTIFICATE and CLIENT_KEY are PEM files.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

var versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
var curves = map[string]tls.CurveID{"P-256": tls.CurveP256, "P-384": tls.CurveP384, "P-521": tls.CurveP521, "X25519": tls.X25519}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	address, name, version := os.Args[1], os.Args[2], versions[os.Args[4]]
	pem, err := os.ReadFile(os.Args[3])
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{ServerName: name, RootCAs: roots, MinVersion: version, MaxVersion: version}
	if os.Args[5] == "keep" {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	}
	if file := os.Getenv("CLIENT_CERTIFICATE"); file != "" {
		certificate, err := tls.LoadX509KeyPair(file, os.Getenv("CLIENT_KEY"))
		check(err)
		config.Certificates = []tls.Certificate{certificate}
	}
	for _, curve := range os.Args[6:] {
		config.CurvePreferences = append(config.CurvePreferences, curves[curve])
	}
	for i := 0; i < 2; i++ {
		connection, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", address, config)
		check(err)
		check(connection.SetDeadline(time.Now().Add(10 * time.Second)))
		_, err = fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", name)
		check(err)
		page, err := io.ReadAll(connection)
		check(err)
		state := connection.ConnectionState()
		fmt.Printf("version=%x resumed=%t\n%s\n", state.Version, state.DidResume, page)
		check(connection.Close())
	}
}
