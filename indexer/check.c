#include "indexer/inside.h"
int index_check(struct index *ix, struct err *err) { return db_check(ix->rd.db, err); }
