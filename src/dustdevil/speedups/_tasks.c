/* Tasks in C: `coroutine.Task`, with its first step and all others made shorter.

   A server makes a task for each request that waits, and most of what `Task` does is
   then the same: send a value in, and either end or wait for a future. Here a subclass
   of it is made, with `step` in C. The data stay where they are (see `_slots.h`), so
   that whoever knows a Task knows this one, and its other methods are called for all
   that is not usual: an error, a cancellation, several who wait.

   Like the scheduler, all this belongs to one thread at a time. */

#include "_slots.h"

enum slot {
    SCHEDULER, DONE, VALUE, ERROR, HEARD, CALLBACKS,
    COROUTINE, CANCELLING, WAITS_FOR,
    SLOTS
};

static const char *const slots[SLOTS] = {
    [SCHEDULER] = "scheduler", [DONE] = "_done", [VALUE] = "_value",
    [ERROR] = "_error", [HEARD] = "_heard", [CALLBACKS] = "_callbacks",
    [COROUTINE] = "_coroutine", [CANCELLING] = "_cancelling",
    [WAITS_FOR] = "_waits_for",
};

enum name { FINISH, SET_EXCEPTION, WAIT_FOR, THROW, STOP_VALUE, NAMES };

static const char *const names[NAMES] = {
    [FINISH] = "_finish", [SET_EXCEPTION] = "set_exception", [WAIT_FOR] = "wait_for",
    [THROW] = "throw", [STOP_VALUE] = "value",
};

/* Each interpreter that loads the module has one of these. */
typedef struct {
    PyTypeObject *task;      /* the subclass; NULL before bind() */
    PyTypeObject *cancelled; /* coroutine.CancelledError */
    PyObject *finalize;      /* Task.__del__ */
    Py_ssize_t offsets[SLOTS];
    PyObject *names[NAMES];
} State;

static PyObject *
get(const State *state, PyObject *task, enum slot slot)
{
    return get_at(task, state->offsets[slot]);
}

static void
put(const State *state, PyObject *task, enum slot slot, PyObject *value)
{
    put_at(task, state->offsets[slot], value);
}

/* `task.name(one)`, or `task.name(one, two)`. */
static PyObject *
call(const State *state, PyObject *task, enum name name, PyObject *one, PyObject *two)
{
    PyObject *arguments[] = {task, one, two};
    return PyObject_VectorcallMethod(
        state->names[name], arguments, two == NULL ? 2 : 3, NULL);
}


/* ------------------------------------------------------------------------------
   A step. */

/* `coroutine.throw(error)`, with the answers of PyIter_Send. */
static PySendResult
throw(const State *state, PyObject *coroutine, PyObject *error, PyObject **value)
{
    *value = PyObject_CallMethodOneArg(coroutine, state->names[THROW], error);
    if (*value != NULL) {
        return PYGEN_NEXT;
    }
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) {
        return PYGEN_ERROR;
    }
    PyObject *stop = caught();
    *value = PyObject_GetAttr(stop, state->names[STOP_VALUE]);
    Py_DECREF(stop);
    return *value == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

/* The coroutine has returned: as Future._finish, which is asked where somebody waits. */
static PyObject *
end(const State *state, PyObject *task, PyObject *value)
{
    PyObject *callbacks = get(state, task, CALLBACKS);
    if (get(state, task, DONE) != Py_False || !PyList_CheckExact(callbacks)
        || PyList_GET_SIZE(callbacks) > 0)
    {
        return call(state, task, FINISH, value, Py_None);
    }
    put(state, task, DONE, Py_NewRef(Py_True));
    put(state, task, VALUE, Py_NewRef(value));
    Py_RETURN_NONE;
}

/* The coroutine has raised: the task has the exception. What is neither an Exception nor
   a CancelledError is for the whole program, and goes on. */
static PyObject *
fail(const State *state, PyObject *task)
{
    PyObject *error = caught();
    PyObject *result = call(state, task, SET_EXCEPTION, error, NULL);
    if (result != NULL
        && !PyErr_GivenExceptionMatches(error, PyExc_Exception)
        && !PyErr_GivenExceptionMatches(error, (PyObject *)state->cancelled))
    {
        raise_again(Py_NewRef(error));
        Py_CLEAR(result);
    }
    Py_DECREF(error);
    return result;
}

PyDoc_STRVAR(step_doc,
"step($self, value=None, error=None, /)\n--\n\n"
"Run the coroutine to its next wait, or to its end. As Task.step.");

static PyObject *
step(PyObject *task, PyTypeObject *type, PyObject *const *args, Py_ssize_t nargs,
     PyObject *keywords)
{
    const State *state = PyType_GetModuleState(type);
    if (nargs > 2 || keywords != NULL) {
        return PyErr_Format(PyExc_TypeError, "step() takes a value and an error");
    }
    PyObject *value = nargs > 0 ? args[0] : Py_None;
    PyObject *error = nargs > 1 ? args[1] : Py_None;
    PyObject *coroutine = Py_NewRef(get(state, task, COROUTINE));
    PyObject *note = Py_NewRef(get(state, task, CANCELLING));
    put(state, task, WAITS_FOR, Py_NewRef(Py_None));
    if (note != Py_None) {
        put(state, task, CANCELLING, Py_NewRef(Py_None));
        error = note;
    }
    PyObject *answer = NULL, *result;
    PySendResult how = error == Py_None
        ? PyIter_Send(coroutine, value, &answer)
        : throw(state, coroutine, error, &answer);
    if (how == PYGEN_ERROR) {
        result = fail(state, task);
    }
    else if (how == PYGEN_RETURN) {
        result = end(state, task, answer);
    }
    else {
        result = call(state, task, WAIT_FOR, answer, NULL);
    }
    Py_XDECREF(answer);
    Py_DECREF(coroutine);
    Py_DECREF(note);
    return result;
}

/* Task.__del__ has something to say of an error only, and to call it takes long. */
static void
finalize(PyObject *task)
{
    const State *state = PyType_GetModuleState(Py_TYPE(task));
    PyObject *error = state == NULL ? Py_None : get(state, task, ERROR);
    if (error == Py_None) {
        return;
    }
    PyObject *pending = PyErr_Occurred() ? caught() : NULL;
    PyObject *result = PyObject_CallOneArg(state->finalize, task);
    if (result == NULL) {
        PyErr_WriteUnraisable(task);
    }
    Py_XDECREF(result);
    if (pending != NULL) {
        raise_again(pending);
    }
}


/* ------------------------------------------------------------------------------
   The type, and the module. */

static PyMethodDef task_methods[] = {
    {"step", (PyCFunction)(void (*)(void))step,
     METH_METHOD | METH_FASTCALL | METH_KEYWORDS, step_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot type_slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("A coroutine.Task that takes its steps in C.")},
    {Py_tp_methods, task_methods},
    {Py_tp_finalize, FUNCTION(finalize)},
    {0, NULL},
};

static PyType_Spec type_spec = {
    .name = "dustdevil.speedups._tasks.Task", /* its size, and the rest, are those of its base */
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = type_slots,
};

PyDoc_STRVAR(bind_doc,
"bind($module, task, cancelled, /)\n--\n\n"
"Make the subclass of `task`, a class like coroutine.Task; `cancelled` is the exception\n"
"that cancels one. Raises AttributeError or TypeError if it lacks one of the slots that\n"
"are needed, and RuntimeError the second time.");

static PyObject *
bind_class(PyObject *module, PyObject *args)
{
    State *state = PyModule_GetState(module);
    PyTypeObject *task, *cancelled;
    if (state->task != NULL) {
        return PyErr_Format(PyExc_RuntimeError, "bind() was called before");
    }
    if (!PyArg_ParseTuple(args, "O!O!:bind", &PyType_Type, &task, &PyType_Type,
                          &cancelled)) {
        return NULL;
    }
    for (int i = 0; i < SLOTS; i++) {
        state->offsets[i] = offset_of(task, slots[i]);
        if (state->offsets[i] < 0) {
            return NULL;
        }
    }
    Py_XSETREF(state->finalize, PyObject_GetAttrString((PyObject *)task, "__del__"));
    if (state->finalize == NULL) {
        return NULL;
    }
    Py_XSETREF(state->cancelled, (PyTypeObject *)Py_NewRef(cancelled));
    state->task = (PyTypeObject *)PyType_FromModuleAndSpec(
        module, &type_spec, (PyObject *)task);
    if (state->task == NULL || PyModule_AddType(module, state->task) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(make_doc,
"make($module, coroutine, scheduler, /)\n--\n\n"
"A task that has not taken its first step; what Task(coroutine, scheduler) is.\n\n"
"Raises RuntimeError before `bind`.");

static PyObject *
make(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    const State *state = PyModule_GetState(module);
    if (nargs != 2) {
        return PyErr_Format(PyExc_TypeError, "make() takes a coroutine and a scheduler");
    }
    if (state->task == NULL) {
        return PyErr_Format(PyExc_RuntimeError, "bind() comes first");
    }
    PyObject *callbacks = PyList_New(0);
    PyObject *task = callbacks == NULL ? NULL : state->task->tp_alloc(state->task, 0);
    if (task == NULL) {
        Py_XDECREF(callbacks);
        return NULL;
    }
    put(state, task, COROUTINE, Py_NewRef(args[0]));
    put(state, task, SCHEDULER, Py_NewRef(args[1]));
    put(state, task, CALLBACKS, callbacks);
    put(state, task, DONE, Py_NewRef(Py_False));
    put(state, task, HEARD, Py_NewRef(Py_False));
    put(state, task, VALUE, Py_NewRef(Py_None));
    put(state, task, ERROR, Py_NewRef(Py_None));
    put(state, task, CANCELLING, Py_NewRef(Py_None));
    put(state, task, WAITS_FOR, Py_NewRef(Py_None));
    return task;
}

static int
execute(PyObject *module)
{
    State *state = PyModule_GetState(module);
    return intern(state->names, names, NAMES);
}

static int
traverse_module(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);
    Py_VISIT(state->task);
    Py_VISIT(state->cancelled);
    Py_VISIT(state->finalize);
    return 0;
}

static int
clear_module(PyObject *module)
{
    State *state = PyModule_GetState(module);
    Py_CLEAR(state->task);
    Py_CLEAR(state->cancelled);
    Py_CLEAR(state->finalize);
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
    {"bind", bind_class, METH_VARARGS, bind_doc},
    {"make", (PyCFunction)(void (*)(void))make, METH_FASTCALL, make_doc},
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
    .m_name = "dustdevil.speedups._tasks",
    .m_doc = "Tasks in C.",
    .m_size = sizeof(State),
    .m_methods = methods,
    .m_slots = module_slots,
    .m_traverse = traverse_module,
    .m_clear = clear_module,
    .m_free = free_module,
};

PyMODINIT_FUNC
PyInit__tasks(void)
{
    return PyModuleDef_Init(&definition);
}
