/*
 * The delivery protocol as it is built, for spin.
 *
 * Runners are processes that can be killed, suspended and cut off anywhere; Redis and the ledger
 * are the variables below; whatever one transaction does is one atomic transition, and carries the
 * name of the function in src/ that performs it, with an @ in front (check.sh holds them against
 * the sources). Each safeguard is one of the `has_` flags, so that it can be taken away.
 *
 * README.md says what is left out and why that is no loss.
 */
#include "bounds.pml"
#include "redis.pml"
#include "ledger.pml"
#include "fence.pml"
#include "runner.pml"
#include "world.pml"
