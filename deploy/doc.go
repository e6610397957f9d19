// Package deploy holds no code: its tests hold docker-compose.yml and the
// Dockerfile to what they promise, on a machine without a Docker engine. They
// read the compose file by the compose specification and compare it with what it
// mounts (Prometheus's and Grafana's files); run the Dockerfile's own build
// command, and start the binary with exactly the environment of the compose file;
// and, with the build tag kafka, make three brokers of it through the start-up
// class of Kafka's own image, on which case-2 plays. They know nothing of how
// simd works. What only an engine can show stays unproven: that the images can be
// pulled, the containers' network, the owners of their volumes, that they are
// killed at their memory limits, and the shell scripts of the images.
package deploy
