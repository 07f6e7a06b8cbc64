// An MPI of one process that says it is rank 0 of two equal ones, by the handles of the standard's binary interface. Calls with
// other handles fail.
#include <stdint.h>
#include <string.h>

#define WORLD ((void *)0x101)
#define FLOAT ((void *)0x210)
#define BYTE ((void *)0x247)
#define SUM ((void *)0x21)
#define ERRORS_RETURN ((void *)0x142)

int MPI_Init_thread(void *argc, void *argv, int wanted, int *provided) { *provided = wanted; return 0; }
int MPI_Comm_set_errhandler(void *comm, void *handler) { return comm != WORLD || handler != ERRORS_RETURN; }
int MPI_Comm_rank(void *comm, int *rank) { *rank = 0; return comm != WORLD; }
int MPI_Comm_size(void *comm, int *size) { *size = 2; return comm != WORLD; }
int MPI_Get_library_version(char *text, int *length) { strcpy(text, "a stub"); *length = 6; return 0; }
int MPI_Error_string(int code, char *text, int *length) { strcpy(text, "wrong handle"); *length = 12; return 0; }

int MPI_Allreduce(const float *from, float *to, int count, void *type, void *op, void *comm) {
  for (int i = 0; i < count; i++) to[i] = 2 * from[i];
  return type != FLOAT || op != SUM || comm != WORLD;
}

int MPI_Allgather(const char *from, int count, void *a, char *to, int each, void *b, void *comm) {
  for (int rank = 0; rank < 2; rank++) memcpy(to + rank * each, from, count);
  return a != BYTE || b != BYTE || comm != WORLD;
}

int MPI_Allgatherv(const char *from, int count, void *a, char *to, const int *counts, const int *places, void *b, void *comm) {
  for (int rank = 0; rank < 2; rank++) memcpy(to + places[rank], from, count);
  return a != BYTE || b != BYTE || comm != WORLD;
}

int MPI_Gatherv(const char *from, int count, void *a, char *to, const int *counts, const int *places, void *b, int root, void *comm) {
  return root != 0 || MPI_Allgatherv(from, count, a, to, counts, places, b, comm);
}

int MPI_Bcast(void *bytes, int count, void *type, int root, void *comm) { return type != BYTE || root != 0 || comm != WORLD; }

// Beats that were sent and not heard: this process hears its own.
static int beats = 0;
int MPI_Isend(const void *from, int count, void *type, int to, int tag, void *comm, intptr_t *request) { beats++; return 0; }
int MPI_Request_free(intptr_t *request) { return 0; }
int MPI_Iprobe(int from, int tag, void *comm, int *flag, void *status) { *flag = beats > 0; return 0; }
int MPI_Recv(void *to, int count, void *type, int from, int tag, void *comm, void *status) { return --beats < 0; }
int MPI_Finalize(void) { return 0; }
int MPI_Abort(void *comm, int status) { return 0; }
