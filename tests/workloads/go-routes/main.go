// SPDX-License-Identifier: Apache-2.0

// The same paths behind each of the routers that serve Go programs, for go-routes.live.test.ts alone. ROUTER: std, old (ServeMux with patterns as before Go 1.22), gin, chi, mux. CERT, KEY: TLS, and HTTP/2.
// Each answers after some ms; /nothing/N is not found. Builds with Go 1.18 and newer.
package main

import (
	"fmt"
	"math/rand"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
)

func answer(w http.ResponseWriter, _ *http.Request) {
	time.Sleep(time.Duration(rand.Intn(5)) * time.Millisecond)
	_, _ = w.Write([]byte("ok"))
}

// Serves a request of its own inside: its route is not that of the one that came.
func inside(router http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		own, _ := http.NewRequest("GET", "/own", nil)
		router.ServeHTTP(w, own.WithContext(r.Context()))
	}
}

func oldRouter() http.Handler {
	router := http.NewServeMux()
	router.HandleFunc("/users/", answer)
	router.HandleFunc("/files/", answer)
	api := http.NewServeMux()
	api.HandleFunc("/items/", answer)
	router.Handle("/api/", http.StripPrefix("/api", api))
	nested := http.NewServeMux()
	nested.HandleFunc("127.0.0.1/nested/", answer)
	router.Handle("/nested/", nested)
	anything := http.NewServeMux()
	anything.HandleFunc("/", answer)
	router.HandleFunc("/inside/", inside(anything))
	return router
}

func ginRouter() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	handle := func(c *gin.Context) { answer(c.Writer, c.Request) }
	router.Use(gin.Recovery(), func(c *gin.Context) { c.Next() })
	router.GET("/users/:id", handle)
	router.GET("/files/*path", handle)
	router.GET("/nested/:a/things/:id", handle)
	router.GET("/inside/:n", handle)
	router.Group("/api").GET("/items/:id", handle)
	return router
}

func chiRouter() http.Handler {
	router := chi.NewRouter()
	router.Use(func(next http.Handler) http.Handler { return next })
	router.Get("/users/{id}", answer)
	router.Get("/files/*", answer)
	router.Get("/inside/{n}", answer)
	api := chi.NewRouter()
	api.Get("/items/{id}", answer)
	router.Mount("/api", api)
	router.Route("/nested/{a}", func(nested chi.Router) {
		nested.Route("/things", func(things chi.Router) { things.Get("/{id}", answer) })
	})
	return router
}

func muxRouter() http.Handler {
	router := mux.NewRouter()
	router.HandleFunc("/users/{id}", answer)
	router.PathPrefix("/files/").HandlerFunc(answer)
	router.HandleFunc("/nested/{a}/things/{id}", answer)
	anything := mux.NewRouter()
	anything.PathPrefix("/").HandlerFunc(answer)
	router.HandleFunc("/inside/{n}", inside(anything))
	router.PathPrefix("/api").Subrouter().HandleFunc("/items/{id:[0-9]+}", answer)
	return router
}

func main() {
	routers := map[string]func() http.Handler{"std": stdRouter, "old": oldRouter, "gin": ginRouter, "chi": chiRouter, "mux": muxRouter}
	server := &http.Server{Handler: routers[os.Getenv("ROUTER")]()}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	if certificate := os.Getenv("CERT"); certificate != "" {
		err = server.ServeTLS(listener, certificate, os.Getenv("KEY"))
	} else {
		err = server.Serve(listener)
	}
	fmt.Fprintln(os.Stderr, err)
}
