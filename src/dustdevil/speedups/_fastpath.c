/* The fast path: a known request from recv(2) to send(2), without the interpreter.

   Most that comes to a server is one whole request on a connection that was at rest, and
   often the same few bytes as before. Nothing needs to be decided then, and yet Python
   takes a dozen calls from the loop through `Stream` and `Connection` and back. Here
   they are made in C. Only the application is called as ever.

   It is a path and no other server: as soon as something is not as usual, the method that
   would be next is called, and Python goes on from there. What is usual:

       on_ready    only bytes came, the connection rests, and `known` has these bytes
       answer      a coroutine that ends in its first step, or none at all
       respond     a plain response, all of it bytes, and a stream with nothing unsent
       flush       the socket takes all of them

   The data stay in the Python objects, in slots, and are read and written there: see
   `_slots.h`.

   Like the loop, all this belongs to one thread at a time. */

#include "_slots.h"
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#ifndef MSG_NOSIGNAL /* macOS has none. Python ignores SIGPIPE anyway. */
#define MSG_NOSIGNAL 0
#endif

/* More than a request has that we know. Longer pieces are cut here, and are read on by
   the loop's next turn. */
#define CHUNK 16384


/* ------------------------------------------------------------------------------
   What we know of Python's side: the places of attributes, and names of methods. */

enum owner { CONNECTION, STREAM, HOST, OWNERS };

enum slot {
    RESTING, HEAD, DEADLINE,
    ENDING, EVENTS, OUT,
    APPLICATION, KNOWN, REQUESTS, REST_UNTIL, STOPPING, OPENED, UNSENT, ENQUEUE,
    SLOTS
};

static const struct { enum owner owner; const char *name; } slots[SLOTS] = {
    [RESTING] = {CONNECTION, "_resting"},
    [HEAD] = {CONNECTION, "_head"},
    [DEADLINE] = {CONNECTION, "deadline"},
    [ENDING] = {STREAM, "_ending"},
    [EVENTS] = {STREAM, "_events"},
    [OUT] = {STREAM, "_out"},
    [APPLICATION] = {HOST, "application"},
    [KNOWN] = {HOST, "known"},
    [REQUESTS] = {HOST, "requests"},
    [REST_UNTIL] = {HOST, "rest_until"},
    [STOPPING] = {HOST, "stopping"},
    [OPENED] = {HOST, "opened"},
    [UNSENT] = {HOST, "unsent"},
    [ENQUEUE] = {HOST, "enqueue"},
};

enum name {
    ON_READY, ON_END, LOST, FLUSH, KEEP_FROM,
    ON_DATA, TAKE, CARRY_ON, FAIL, SERVE,
    STATUS, HEADERS, BODY, UPGRADE,
    NAMES
};

static const char *const names[NAMES] = {
    [ON_READY] = "_on_ready", [ON_END] = "_on_end", [LOST] = "_lost",
    [FLUSH] = "_flush", [KEEP_FROM] = "_keep_from",
    [ON_DATA] = "_on_data", [TAKE] = "_take", [CARRY_ON] = "_carry_on",
    [FAIL] = "_fail", [SERVE] = "_serve",
    [STATUS] = "status", [HEADERS] = "headers", [BODY] = "body",
    [UPGRADE] = "upgrade",
};

/* Each interpreter that loads the module has one of these. */
typedef struct {
    PyTypeObject *fast_path;
    PyObject *flush;     /* the function below */
    PyObject *one;       /* 1; in Python, small integers exist once */
    PyObject *read;      /* poller.READ: EPOLLIN alone, which is 1 too */
    PyObject *nothing;   /* b"" */
    PyObject *no_body;   /* body.NO_BODY; NULL before bind() */
    PyObject *opening;   /* writer.opening */
    PyObject *cancelled; /* coroutine.CancelledError */
    PyTypeObject *owners[OWNERS];
    Py_ssize_t offsets[SLOTS];
    PyObject *names[NAMES];
} State;

typedef struct {
    PyObject_HEAD
    vectorcallfunc call; /* on_ready: that is how Python calls us */
    State *state;
    PyObject *connection, *stream, *host;
    int fd;
} FastPath;

static PyObject *
get(const State *state, PyObject *object, enum slot slot)
{
    return get_at(object, state->offsets[slot]);
}

static void
put(const State *state, PyObject *object, enum slot slot, PyObject *value)
{
    put_at(object, state->offsets[slot], value);
}

/* `object.name(argument)`, or without one where that is NULL. */
static PyObject *
call(const State *state, PyObject *object, enum name name, PyObject *argument)
{
    PyObject *arguments[] = {object, argument};
    return PyObject_VectorcallMethod(
        state->names[name], arguments, argument == NULL ? 1 : 2, NULL);
}

/* `object.name(error)` with the exception that was raised. */
static PyObject *
report(const State *state, PyObject *object, enum name name)
{
    PyObject *error = caught();
    PyObject *result = call(state, object, name, error);
    Py_DECREF(error);
    return result;
}


/* ------------------------------------------------------------------------------
   Out. */

/* Send what the stream has, as Stream._flush. */
static PyObject *
flush_one(FastPath *self)
{
    const State *state = self->state;
    PyObject *out = get(state, self->stream, OUT);
    /* What waits for room is a bytearray. And a stream that is closed, whose number may be
       another's by now, has nothing. */
    if (PyBytes_CheckExact(out) && PyBytes_GET_SIZE(out) > 0) {
        Py_ssize_t size = PyBytes_GET_SIZE(out);
        Py_ssize_t sent = send(
            self->fd, PyBytes_AS_STRING(out), (size_t)size, MSG_NOSIGNAL);
        if (sent == size) {
            put(state, self->stream, OUT, Py_NewRef(state->nothing));
            Py_RETURN_NONE;
        }
        if (sent >= 0) {
            PyObject *number = PyLong_FromSsize_t(sent);
            PyObject *result = number == NULL ? NULL
                : call(state, self->stream, KEEP_FROM, number);
            Py_XDECREF(number);
            return result;
        }
        /* Whatever it was, Python will meet it too. */
    }
    return call(state, self->stream, FLUSH, NULL);
}

/* Send what the streams of these fast paths have: what the loop calls, once, at the end
   of a turn in which something was answered. The list is empty then. */
static PyObject *
flush(PyObject *module, PyObject *unsent)
{
    const State *state = PyModule_GetState(module);
    if (!PyList_CheckExact(unsent)) {
        return PyErr_Format(PyExc_TypeError, "flush() takes a list");
    }
    PyObject *all = PyList_GetSlice(unsent, 0, PyList_GET_SIZE(unsent));
    if (all == NULL || PyList_SetSlice(unsent, 0, PyList_GET_SIZE(unsent), NULL) < 0) {
        Py_XDECREF(all);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(all); i++) {
        PyObject *one = PyList_GET_ITEM(all, i);
        if (Py_IS_TYPE(one, state->fast_path)) {
            PyObject *result = flush_one((FastPath *)one);
            if (result == NULL) {
                PyErr_WriteUnraisable(one); /* the others are sent all the same */
            }
            Py_XDECREF(result);
        }
    }
    Py_DECREF(all);
    Py_RETURN_NONE;
}

/* Have the stream flushed at the end of the turn; -1 and an exception on failure. */
static int
flush_later(FastPath *self)
{
    const State *state = self->state;
    PyObject *unsent = get(state, self->host, UNSENT);
    if (!PyList_CheckExact(unsent)) {
        PyErr_SetString(PyExc_TypeError, "unsent is no list");
        return -1;
    }
    if (PyList_GET_SIZE(unsent) == 0) { /* otherwise the call is in the queue already */
        PyObject *call = Py_BuildValue("(O(O))", state->flush, unsent);
        PyObject *queued = call == NULL ? NULL
            : PyObject_CallOneArg(get(state, self->host, ENQUEUE), call);
        Py_XDECREF(call);
        Py_XDECREF(queued);
        if (queued == NULL) {
            return -1;
        }
    }
    return PyList_Append(unsent, (PyObject *)self);
}

/* The beginning of a head, its end, and the body, as one piece. */
static PyObject *
join(PyObject *head, PyObject *body)
{
    Py_ssize_t first = PyBytes_GET_SIZE(head), last = PyBytes_GET_SIZE(body);
    char length[48];
    int middle = PyOS_snprintf(length, sizeof length, "Content-Length: %zd\r\n\r\n", last);
    PyObject *result = PyBytes_FromStringAndSize(NULL, first + middle + last);
    if (result != NULL) {
        char *to = PyBytes_AS_STRING(result);
        memcpy(to, PyBytes_AS_STRING(head), (size_t)first);
        memcpy(to + first, length, (size_t)middle);
        memcpy(to + first + middle, PyBytes_AS_STRING(body), (size_t)last);
    }
    return result;
}

/* What was last asked of `writer.opening`, and the answer: a tuple that the host keeps. */
enum { SECOND, STATUS_THEN, PAIRS, OPENED_THEN };

/* That answer, if it is one for this second, status and headers: a new reference. NULL if
   not, or with an exception. */
static PyObject *
remembered(PyObject *last, time_t second, PyObject *status, PyObject *pairs)
{
    if (!PyTuple_CheckExact(last)
        || PyLong_AsLongLong(PyTuple_GET_ITEM(last, SECOND)) != second
        || PyTuple_GET_ITEM(last, STATUS_THEN) != status
        || PyObject_RichCompareBool(PyTuple_GET_ITEM(last, PAIRS), pairs, Py_EQ) != 1)
    {
        return NULL;
    }
    return Py_NewRef(PyTuple_GET_ITEM(last, OPENED_THEN));
}

/* `writer.opening`, which is asked again only when it would say something else: in
   another second, or for other headers. */
static PyObject *
opening(const State *state, PyObject *host, PyObject *status, PyObject *headers)
{
    struct timespec now; /* time() has a clock that runs a little behind Python's */
    timespec_get(&now, TIME_UTC);
    PyObject *pairs = PySequence_Tuple(headers);
    if (pairs == NULL) {
        return NULL;
    }
    PyObject *last = Py_NewRef(get(state, host, OPENED));
    PyObject *result = remembered(last, now.tv_sec, status, pairs);
    if (result == NULL && !PyErr_Occurred()) {
        result = PyObject_CallFunction(
            state->opening, "OOOL", status, Py_None, pairs, (long long)now.tv_sec);
        PyObject *kept = result == NULL ? NULL : Py_BuildValue(
            "(LOOO)", (long long)now.tv_sec, status, pairs, result);
        if (kept == NULL) {
            Py_CLEAR(result);
        }
        else {
            put(state, host, OPENED, kept);
        }
    }
    Py_DECREF(last);
    Py_DECREF(pairs);
    return result;
}

/* The response as bytes, if its status line and headers are in order. */
static PyObject *
encode(const State *state, PyObject *host, PyObject *status, PyObject *headers,
       PyObject *body)
{
    PyObject *head = opening(state, host, status, headers), *result = NULL;
    if (head != NULL && PyBytes_CheckExact(head)) {
        result = join(head, body);
    }
    Py_XDECREF(head);
    return result;
}

/* Whether the stream would send the next bytes before any others. */
static int
is_free(const State *state, PyObject *stream)
{
    PyObject *out = get(state, stream, OUT);
    /* Once it closes, or waits for room, it looks for something else than bytes. */
    return get(state, stream, EVENTS) == state->read
        && get(state, stream, ENDING) == Py_False
        && PyBytes_CheckExact(out) && PyBytes_GET_SIZE(out) == 0;
}

/* Whether a response is of the usual kind: nothing else but a status, headers, and a
   body that is bytes. See Connection._answer_at_once. */
static int
is_plain(PyObject *status, PyObject *body, PyObject *upgrade)
{
    if (!PyBytes_CheckExact(body) || upgrade != Py_None) {
        return 0;
    }
    long code = PyLong_AsLong(status); /* -1 and an exception for what is none */
    return 200 <= code && code <= 599 && code != 204 && code != 205 && code != 304;
}

/* Have the response sent at the end of the turn, and the connection at rest again.
   0 if there is more to it: nothing is done then, and Python raises the exception again,
   if it was one, where that is dealt with. -1 for one that is for the whole program. */
static int
respond(FastPath *self, PyObject *response)
{
    const State *state = self->state;
    PyObject *status = PyObject_GetAttr(response, state->names[STATUS]);
    PyObject *headers = PyObject_GetAttr(response, state->names[HEADERS]);
    PyObject *body = PyObject_GetAttr(response, state->names[BODY]);
    PyObject *upgrade = PyObject_GetAttr(response, state->names[UPGRADE]);
    PyObject *out = NULL;
    int done = 0;
    int all = status != NULL && headers != NULL && body != NULL && upgrade != NULL;
    if (all && is_plain(status, body, upgrade)) {
        out = encode(state, self->host, status, headers, body);
    }
    /* Only now: until here the application's objects may have done anything. */
    if (out != NULL && get(state, self->host, STOPPING) == Py_False
        && is_free(state, self->stream) && flush_later(self) == 0)
    {
        put(state, self->stream, OUT, Py_NewRef(out));
        put(state, self->connection, HEAD, Py_NewRef(Py_None));
        put(state, self->connection, DEADLINE,
            Py_NewRef(get(state, self->host, REST_UNTIL)));
        done = 1;
    }
    if (PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_Exception)) {
            PyErr_Clear();
        }
        else {
            done = -1;
        }
    }
    Py_XDECREF(status);
    Py_XDECREF(headers);
    Py_XDECREF(body);
    Py_XDECREF(upgrade);
    Py_XDECREF(out);
    return done;
}


/* ------------------------------------------------------------------------------
   In. */

/* What the application returned, or the coroutine's result. NULL without an exception
   if that waits for something, and `result` is that of carrying on. */
static PyObject *
first_step(FastPath *self, PyObject *answer, PyObject **result)
{
    const State *state = self->state;
    PyObject *value = NULL;
    if (!PyCoro_CheckExact(answer) && !PyObject_HasAttrString(answer, "send")) {
        return Py_NewRef(answer);
    }
    if (PyIter_Send(answer, Py_None, &value) == PYGEN_NEXT) {
        PyObject *arguments[] = {self->connection, answer, value};
        *result = PyObject_VectorcallMethod(
            state->names[CARRY_ON], arguments, 3, NULL);
        Py_CLEAR(value);
    }
    return value; /* NULL for PYGEN_ERROR too */
}

/* Answer a request, as Connection._begin does for one that came at rest. */
static PyObject *
answer(FastPath *self, PyObject *head)
{
    const State *state = self->state;
    PyObject *count = PyNumber_Add(get(state, self->host, REQUESTS), state->one);
    if (count == NULL) {
        return NULL;
    }
    put(state, self->host, REQUESTS, count);
    put(state, self->connection, HEAD, Py_NewRef(head));

    PyObject *arguments[] = {head, state->no_body, self->connection};
    PyObject *application = Py_NewRef(get(state, self->host, APPLICATION));
    PyObject *answered = PyObject_Vectorcall(application, arguments, 3, NULL);
    Py_DECREF(application);

    PyObject *result = NULL;
    PyObject *response = answered == NULL ? NULL : first_step(self, answered, &result);
    Py_XDECREF(answered);
    if (response != NULL) {
        int done = respond(self, response);
        if (done >= 0) {
            result = done ? Py_NewRef(Py_None)
                : call(state, self->connection, TAKE, response);
        }
        Py_DECREF(response);
    }
    else if (result == NULL && (PyErr_ExceptionMatches(PyExc_Exception)
                                || PyErr_ExceptionMatches(state->cancelled)))
    {
        /* Others, like KeyboardInterrupt, are for the whole program. */
        result = report(state, self->connection, FAIL);
    }
    return result;
}

/* Read once; NULL and an exception, or no bytes at the end. What there is not, yet, is
   a BlockingIOError. */
static PyObject *
receive(int fd)
{
    char data[CHUNK];
    Py_ssize_t size = recv(fd, data, CHUNK, 0);
    if (size < 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return PyBytes_FromStringAndSize(data, size);
}

/* The socket is ready: what the loop calls in the place of Stream._on_ready. */
static PyObject *
on_ready(PyObject *object, PyObject *const *args, size_t nargsf, PyObject *keywords)
{
    FastPath *self = (FastPath *)object;
    const State *state = self->state;
    if (PyVectorcall_NARGS(nargsf) != 1 || keywords != NULL) {
        return PyErr_Format(PyExc_TypeError, "it takes one argument: events");
    }
    if (args[0] != state->read || get(state, self->connection, RESTING) != Py_True) {
        return call(state, self->stream, ON_READY, args[0]);
    }
    PyObject *data = receive(self->fd);
    if (data == NULL) {
        if (PyErr_ExceptionMatches(PyExc_BlockingIOError)) {
            PyErr_Clear();
            Py_RETURN_NONE;
        }
        return report(state, self->stream, LOST);
    }
    if (PyBytes_GET_SIZE(data) == 0) {
        Py_DECREF(data);
        return call(state, self->stream, ON_END, NULL);
    }
    PyObject *result = NULL;
    PyObject *head = PyDict_GetItemWithError(get(state, self->host, KNOWN), data);
    if (head == NULL) {
        result = PyErr_Occurred() ? NULL
            : call(state, self->connection, ON_DATA, data);
    }
    else {
        Py_INCREF(head); /* `known` may be cleared meanwhile */
        result = answer(self, head);
        if (result != NULL && get(state, self->connection, RESTING) != Py_True) {
            /* It was answered otherwise: perhaps there is more to do. */
            Py_SETREF(result, call(state, self->connection, SERVE, NULL));
        }
        Py_DECREF(head);
    }
    Py_DECREF(data);
    return result;
}


/* ------------------------------------------------------------------------------
   The type. */

/* There is no Py_tp_clear: a cycle through a FastPath goes through its stream, and is
   broken there. So the three are never NULL while it can be called. */
static int
traverse(PyObject *object, visitproc visit, void *arg)
{
    FastPath *self = (FastPath *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->connection);
    Py_VISIT(self->stream);
    Py_VISIT(self->host);
    return 0;
}

static void
dealloc(PyObject *object)
{
    FastPath *self = (FastPath *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_XDECREF(self->connection);
    Py_XDECREF(self->stream);
    Py_XDECREF(self->host);
    type->tp_free(object);
    Py_DECREF(type); /* which lives as long as its last object */
}

/* The attribute `name` of an object, if it is of the owner's class: a new reference. */
static PyObject *
part(const State *state, PyObject *object, const char *name, enum owner owner)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    if (value != NULL && !PyObject_TypeCheck(value, state->owners[owner])) {
        PyErr_Format(PyExc_TypeError, "its %s is a %.100s, not a %.100s", name,
                     Py_TYPE(value)->tp_name, state->owners[owner]->tp_name);
        Py_CLEAR(value);
    }
    return value;
}

static PyObject *
new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"connection", NULL};
    State *state = PyType_GetModuleState(type);
    PyObject *connection;
    if (state->no_body == NULL) {
        return PyErr_Format(PyExc_RuntimeError, "bind() comes first");
    }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!:FastPath", keywords,
                                     state->owners[CONNECTION], &connection)) {
        return NULL;
    }
    FastPath *self = (FastPath *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->call = on_ready;
    self->state = state;
    self->connection = Py_NewRef(connection);
    PyObject *sock = NULL;
    if ((self->stream = part(state, connection, "stream", STREAM)) == NULL
        || (self->host = part(state, connection, "server", HOST)) == NULL
        || (sock = PyObject_GetAttrString(self->stream, "sock")) == NULL
        || (self->fd = PyObject_AsFileDescriptor(sock)) < 0)
    {
        Py_CLEAR(self);
    }
    Py_XDECREF(sock);
    return (PyObject *)self;
}

PyDoc_STRVAR(fast_path_doc,
"FastPath(connection)\n--\n\n"
"What stands in for a connection's stream when its socket is ready: called with the\n"
"events, as `Stream._on_ready` is.\n\n"
"Raises RuntimeError before `bind`, and TypeError if the connection, its stream or its\n"
"server is not of a class that was bound.");

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(FastPath, call), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot type_slots[] = {
    {Py_tp_doc, (void *)fast_path_doc},
    {Py_tp_new, FUNCTION(new)},
    {Py_tp_call, FUNCTION(PyVectorcall_Call)},
    {Py_tp_members, members},
    {Py_tp_traverse, FUNCTION(traverse)},
    {Py_tp_dealloc, FUNCTION(dealloc)},
    {0, NULL},
};

static PyType_Spec type_spec = {
    .name = "dustdevil.speedups._fastpath.FastPath",
    .basicsize = sizeof(FastPath),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL
        | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = type_slots,
};


/* ------------------------------------------------------------------------------
   The module. */

PyDoc_STRVAR(bind_doc,
"bind($module, connection, stream, host, no_body, opening, cancelled, /)\n--\n\n"
"Say where the data are: three classes, the body of a request that has none,\n"
"`writer.opening`, and what cancels a coroutine. Raises AttributeError or TypeError if\n"
"a class lacks one of the slots that are needed, and RuntimeError the second time: with\n"
"other distances, what was made before would read beside its objects.");

static PyObject *
bind_classes(PyObject *module, PyObject *args)
{
    State *state = PyModule_GetState(module);
    PyTypeObject *owners[OWNERS];
    PyObject *no_body, *opening, *cancelled;
    Py_ssize_t offsets[SLOTS];
    if (state->no_body != NULL) {
        return PyErr_Format(PyExc_RuntimeError, "bind() was called before");
    }
    if (!PyArg_ParseTuple(args, "O!O!O!OOO:bind", &PyType_Type, &owners[CONNECTION],
                          &PyType_Type, &owners[STREAM], &PyType_Type, &owners[HOST],
                          &no_body, &opening, &cancelled)) {
        return NULL;
    }
    for (int i = 0; i < SLOTS; i++) {
        offsets[i] = offset_of(owners[slots[i].owner], slots[i].name);
        if (offsets[i] < 0) {
            return NULL;
        }
    }
    memcpy(state->offsets, offsets, sizeof offsets);
    for (int i = 0; i < OWNERS; i++) {
        state->owners[i] = (PyTypeObject *)Py_NewRef(owners[i]);
    }
    state->no_body = Py_NewRef(no_body);
    state->opening = Py_NewRef(opening);
    state->cancelled = Py_NewRef(cancelled);
    Py_RETURN_NONE;
}

static int
execute(PyObject *module)
{
    State *state = PyModule_GetState(module);
    state->fast_path = (PyTypeObject *)PyType_FromModuleAndSpec(
        module, &type_spec, NULL);
    if (state->fast_path == NULL || PyModule_AddType(module, state->fast_path) < 0
        || intern(state->names, names, NAMES) < 0)
    {
        return -1;
    }
    state->flush = PyObject_GetAttrString(module, "flush");
    state->one = PyLong_FromLong(1);
    state->read = PyLong_FromLong(1);
    state->nothing = PyBytes_FromStringAndSize(NULL, 0);
    int failed = state->flush == NULL || state->one == NULL || state->read == NULL
        || state->nothing == NULL;
    return failed ? -1 : 0;
}

static int
traverse_module(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);
    Py_VISIT(state->fast_path);
    Py_VISIT(state->flush);
    Py_VISIT(state->no_body);
    Py_VISIT(state->opening);
    Py_VISIT(state->cancelled);
    for (int i = 0; i < OWNERS; i++) {
        Py_VISIT(state->owners[i]);
    }
    return 0;
}

static int
clear_module(PyObject *module)
{
    State *state = PyModule_GetState(module);
    Py_CLEAR(state->fast_path);
    Py_CLEAR(state->flush);
    Py_CLEAR(state->one);
    Py_CLEAR(state->read);
    Py_CLEAR(state->nothing);
    Py_CLEAR(state->no_body);
    Py_CLEAR(state->opening);
    Py_CLEAR(state->cancelled);
    for (int i = 0; i < OWNERS; i++) {
        Py_CLEAR(state->owners[i]);
    }
    for (int i = 0; i < NAMES; i++) {
        Py_CLEAR(state->names[i]);
    }
    return 0;
}

static void
free_module(void *module)
{
    clear_module(module);
}

static PyMethodDef methods[] = {
    {"bind", bind_classes, METH_VARARGS, bind_doc},
    {"flush", flush, METH_O,
     PyDoc_STR("flush($module, unsent, /)\n--\n\n"
               "Send what the streams of these FastPaths have; empty the list.")},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, FUNCTION(execute)},
#ifdef Py_mod_multiple_interpreters /* since 3.12 (PEP 684) */
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil /* since 3.13 (PEP 703) */
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "dustdevil.speedups._fastpath",
    .m_doc = "A known request from recv(2) to send(2), in C.",
    .m_size = sizeof(State),
    .m_methods = methods,
    .m_slots = module_slots,
    .m_traverse = traverse_module,
    .m_clear = clear_module,
    .m_free = free_module,
};

PyMODINIT_FUNC
PyInit__fastpath(void)
{
    return PyModuleDef_Init(&definition);
}
