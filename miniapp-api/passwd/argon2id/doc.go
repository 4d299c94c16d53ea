// Package argon2id computes argon2id (RFC 9106) in a bounded number of places, so that many
// password attempts at once need no more memory than a few and do not delay other requests.
//
// golang.org/x/crypto/argon2 computes the same function. It allocates the memory of a hash,
// 19 MiB at the usual cost, for every call, and computes in its own goroutines. Under load the
// garbage collector then determines how much memory the process uses, and the scheduler when
// a request that needs microseconds gets a processor. Three measures prevent that:
//
//   - An Arena keeps its memory from one hash to the next, and a Pool has one Arena for each
//     place. Mapped memory need not be cleared or faulted in again: a password change, which
//     hashes twice, costs 0.37 to 0.47 of the processor time of two hashes by x/crypto with
//     AVX2, and 0.76 to 0.83 without.
//   - A place computes on a thread of its own with a low priority (Linux), and GOMAXPROCS is
//     raised by the number of places. A hash computes for 10 to 30 ms without a pause and
//     would otherwise occupy one of Go's processors for that time. With more processors than
//     cores the kernel schedules the threads, and runs a request as soon as it wakes up. The
//     99th percentile of a small request beside 64 callers is 4.6 times that of an idle
//     server, compared with 128 times with x/crypto behind a semaphore.
//   - Callers wait in a queue that is bounded by time. A caller who would wait too long gets
//     the time to retry before anything is charged or computed, one caller cannot fill the
//     queue, and unverified callers do not block verified ones. Tenants that share a pool
//     take turns, so that a flood on one delays another by about one hash.
//
// BenchmarkArena, BenchmarkThroughput, BenchmarkRequestsBesideHashing and BenchmarkMemory
// repeat the measurements and measure x/crypto in the same run.
//
// The tests check the vectors of the reference implementation and agreement with x/crypto
// for random parameters and a reused Arena, and NewPool compares the two once per process.
// BLAKE2b is x/crypto's; only the loop that fills the memory is implemented here, in Go and,
// for amd64 with AVX2, in assembly, with which a hash takes 0.43 of x/crypto's processor time.
//
// The package does not know passwords, hash formats or keys, which are in package passwd.
package argon2id
