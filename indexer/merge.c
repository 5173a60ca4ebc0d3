#include "indexer/inside.h"
int merge_pending(struct index *ix, int everything, struct err *err) { (void)ix; (void)everything; (void)err; return 0; }
