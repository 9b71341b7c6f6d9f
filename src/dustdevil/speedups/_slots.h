/* Attributes of Python objects, from C: what `_fastpath.c` and `_tasks.c` share.

   A class with `__slots__` gives each attribute a place at a fixed distance from where
   an object begins, and keeps that distance in the attribute's member descriptor
   (Objects/descrobject.c). Who knows it reads the attribute as the interpreter does:
   one pointer to follow. */

#ifndef DUSTDEVIL_SLOTS_H
#define DUSTDEVIL_SLOTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <structmember.h>

/* Python's tables have one type for pointers to functions and to data, which C keeps
   apart: between them stands a number. */
#define FUNCTION(name) ((void *)(uintptr_t)(name))

/* How far behind an object's beginning a slot of its class lies; -1 and an exception if
   that is no slot. */
static inline Py_ssize_t
offset_of(PyTypeObject *type, const char *name)
{
    Py_ssize_t offset = -1;
    PyObject *descriptor = PyObject_GetAttrString((PyObject *)type, name);
    if (descriptor == NULL) {
        return -1;
    }
    if (Py_IS_TYPE(descriptor, &PyMemberDescr_Type)
        && ((PyMemberDescrObject *)descriptor)->d_member->type == T_OBJECT_EX) {
        offset = ((PyMemberDescrObject *)descriptor)->d_member->offset;
    }
    else {
        PyErr_Format(PyExc_TypeError, "%.100s.%s is no slot", type->tp_name, name);
    }
    Py_DECREF(descriptor);
    return offset;
}

/* The attribute at an offset, a borrowed reference; None if it was deleted. */
static inline PyObject *
get_at(PyObject *object, Py_ssize_t offset)
{
    PyObject *value = *(PyObject **)((char *)object + offset);
    return value == NULL ? Py_None : value;
}

/* Put a value there. The reference is ours to give away. */
static inline void
put_at(PyObject *object, Py_ssize_t offset, PyObject *value)
{
    PyObject **at = (PyObject **)((char *)object + offset), *old = *at;
    *at = value;
    Py_XDECREF(old); /* last: it may call anything, which then finds all in order */
}

/* Take the exception that was raised, as `except BaseException as error` does. */
static inline PyObject *
caught(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(error, traceback);
    }
    Py_DECREF(type);
    Py_XDECREF(traceback);
    return error;
#endif
}

/* Raise an exception again that was caught. The reference is ours to give away. */
static inline void
raise_again(PyObject *error)
{
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_DECREF(error);
}

/* Make the strings of these names, as the interpreter has them; -1 and an exception if
   there is no memory. */
static inline int
intern(PyObject **strings, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        strings[i] = PyUnicode_InternFromString(names[i]);
        if (strings[i] == NULL) {
            return -1;
        }
    }
    return 0;
}

#endif
