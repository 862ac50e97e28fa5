/* plan: what will be done at every target, found out before anything is sent. */
#ifndef GF_UNPACK_PLAN_H
#define GF_UNPACK_PLAN_H

#include "unpack/retag.h"

/* Names at every target, from the manifest alone. */
bool gf_plan_names(gf_targets *s, const gf_retag *r, gf_error *err);
/*
 * Ask every target (graph and store are known).  A target that cannot be asked leaves the run; a name
 * that must not move, or a fault of the bundle, ends it.  Of a thin copy that can go back every absent layer
 * must be held: a target that lacks one leaves.
 */
bool gf_plan_ask(gf_targets *s, const gf_job *job, gf_error *err);
/* The closing table and the sums, as things stand. */
bool gf_plan_report(const gf_targets *s, const gf_job *job, gf_unpack_result *result, gf_error *err);

#endif
