#ifndef REDFERRY_DOCTOR_ACL_H
#define REDFERRY_DOCTOR_ACL_H

struct doctor;
struct error;

/* Whether Redis would let its user send what redferry itself sends, and what the samples are.
 * Nothing of it is sent: the server is asked (ACL DRYRUN). Returns 0, its findings added, or -1
 * with err: it could not be done. */
int doctor_acl(struct doctor *doctor, struct error *err);

#endif
