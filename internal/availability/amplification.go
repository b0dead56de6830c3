package availability

import "math"

// Amplification: what do retries buy, and what does the dependency pay?
//
// Idea: with N retries a request fails only if all N+1 tries fail, and while everything fails each request costs N+1.
// Where every layer of a system retries, the layers multiply, and the lowest bears the product. Sources count
// differently: the AWS Builders' Library ("Timeouts, retries, and backoff with jitter") counts tries, and 3 in each of
// 5 layers are 243; the SRE book (chapter 22) counts retries, and 3 in each of 3 layers are 4 tries each, 64 in all.
// So there is a function for each. They hold while a retry is as likely to fail as the first try: in an outage it is
// likelier.

// Tries is how many calls reach the bottom of so many layers for one request at the top, when each call fails and each
// layer makes so many tries, the first one counted: tries^layers.
func Tries(layers, tries int) float64 { return math.Pow(float64(tries), float64(layers)) }

// Retries is [Tries] where each layer makes so many retries, the first try not counted: (retries+1)^layers.
func Retries(layers, retries int) float64 { return Tries(layers, retries+1) }

// RetryFailure is the share of requests that fail after so many retries, when a try fails with probability p,
// independently of the one before: p^(retries+1).
func RetryFailure(p float64, retries int) float64 { return math.Pow(p, float64(retries+1)) }

// RetryLoad is the mean number of tries a request takes: (1 − p^(retries+1)) / (1 − p), and retries+1 for p = 1.
func RetryLoad(p float64, retries int) float64 {
	load := 0.0
	for i := range retries + 1 {
		load += math.Pow(p, float64(i)) // the sum that the fraction is short for, without its 0/0
	}
	return load
}
