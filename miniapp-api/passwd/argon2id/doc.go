// Package argon2id computes argon2id (RFC 9106) in a bounded number of places, so
// that a storm of password attempts costs no more memory than a quiet day and keeps
// no other request waiting.
//
// golang.org/x/crypto/argon2 computes the same function. It allocates the whole
// memory of a hash, 19 MiB at the usual cost, for every call, and computes in
// goroutines of its own. Under load the garbage collector then decides how much
// memory the process takes, and the scheduler when a request that needs
// microseconds gets a processor. Three measures prevent that:
//
//   - An Arena keeps its memory from one hash to the next, and a Pool has one Arena
//     for each place. Blocks that are already mapped need not be cleared or faulted
//     in again: a password change, which hashes twice, costs 0.61 to 0.75 of the
//     processor time of its two hashes by x/crypto.
//   - A place computes on a thread of its own, which is nice (Linux), and GOMAXPROCS
//     is raised by the number of places. A hash computes for some 20 ms without a
//     pause; it would otherwise hold one of Go's processors meanwhile. With more
//     processors than cores the kernel divides the cores, and gives a waking
//     request one at once. The 99th percentile of a small request beside 64 callers
//     is 4.6 times that of an idle server, against 128 times with x/crypto behind a
//     plain semaphore.
//   - Callers wait in a queue that is bounded by time. Who would wait too long is
//     told when to come back before anything was charged or computed, one caller
//     cannot fill the queue, and unknown callers do not crowd out known ones.
//
// BenchmarkArena, BenchmarkThroughput, BenchmarkRequestsBesideHashing and
// BenchmarkMemory repeat the measurements, each beside x/crypto in the same run.
//
// What keeps it right: the vectors of the reference implementation, agreement with
// x/crypto for random parameters and a used Arena (property test and fuzz test),
// and a comparison with x/crypto that NewPool makes once a process. BLAKE2b is
// x/crypto's; only the memory-filling loop is written here.
//
// The package knows no passwords, formats or keys: package passwd does.
package argon2id
