// What a pod sees of its cluster, for the self test. `probe check` writes one line a fact to the termination message,
// `probe serve TEXT [ADDRESS]` answers TEXT to HTTP (default :8080), `probe get URL` asks once, `probe eat` takes memory
// until it is ended, `probe build` says which build it is.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

// build is set by the linker, to tell two builds apart.
var build = "?"

func main() {
	if len(os.Args) < 2 {
		fail(errors.New("which one? check, serve, get, eat or build"))
	}
	switch os.Args[1] {
	case "check":
		report := check()
		fmt.Print(report)
		if err := os.WriteFile("/dev/termination-log", []byte(report), 0o644); err != nil {
			fail(err)
		}
	case "serve":
		text, address := os.Args[2], ":8080"
		if len(os.Args) > 3 {
			address = os.Args[3]
		}
		http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, text) })
		fmt.Println("serving", text)
		fail(http.ListenAndServe(address, nil))
	case "get":
		client := http.Client{Timeout: 5 * time.Second}
		response, err := client.Get(os.Args[2])
		if err != nil {
			fail(err)
		}
		io.Copy(os.Stdout, response.Body)
	case "eat": // until the kernel ends it
		for eaten := [][]byte{}; ; eaten = append(eaten, bytes.Repeat([]byte{1}, 1<<20)) {
		}
	case "build":
		fmt.Println(build)
	default:
		fail(errors.New("no such command"))
	}
}

func check() string {
	var report strings.Builder
	fmt.Fprintf(&report, "uid=%d\n", os.Getuid())

	secret, err := os.ReadFile("/secret/key")
	fmt.Fprintf(&report, "secret=%s\n", outcome(string(secret), err))

	err = os.WriteFile("/written", nil, 0o644)
	fmt.Fprintf(&report, "root-read-only=%t\n", errors.Is(err, syscall.EROFS))

	addresses, err := net.LookupHost("kubernetes.default.svc.cluster.local")
	fmt.Fprintf(&report, "dns=%s\n", outcome(strings.Join(addresses, " "), err))
	addresses, err = net.LookupHost("echo")
	fmt.Fprintf(&report, "dns-short=%s\n", outcome(strings.Join(addresses, " "), err))
	var missing *net.DNSError
	_, err = net.LookupHost("nowhere.invalid")
	fmt.Fprintf(&report, "dns-unknown=%t\n", errors.As(err, &missing))

	fmt.Fprintf(&report, "api=%s\n", outcome(askAPI()))
	return report.String()
}

// askAPI reads the server's version through the Service's name, with the pod's own token and certificate.
func askAPI() (string, error) {
	ca, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return "", err
	}
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
	request, err := http.NewRequest("GET", "https://kubernetes.default.svc/version", nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	response.Body.Close()
	return response.Status, nil
}

func outcome(value string, err error) string {
	if err != nil {
		return err.Error()
	}
	return value
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
