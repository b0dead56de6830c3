// Package lab is where a reader breaks a dependency and sees that it is really broken.
//
// A Switchboard sets faults on links, for a limited time, and verifies each of them with a probe that goes through
// the same link as the clients. It rests on nothing that can be broken: its state is in memory, and only its probes
// meet the faults. Follow copies the faults to another process, so that two servers are compared under the same ones.
package lab
