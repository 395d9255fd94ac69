/* SPDX-License-Identifier: MIT
 * Failures of the driver as sentences: the code, its name, and what to do. */
#include "ocl.h"

static const struct {
    cl_int code;
    const char *name;
    const char *advice; /* NULL: none */
} codes[] = {
#define CODE(name, advice) {name, #name, advice}
    CODE(CL_DEVICE_NOT_FOUND, "install a driver for the device; `convoke devices --why` lists what was found"),
    CODE(CL_DEVICE_NOT_AVAILABLE, "the device is lost or in use by another program: close that, or restart the driver"),
    CODE(CL_COMPILER_NOT_AVAILABLE, "install the driver's compiler package"),
    CODE(CL_MEM_OBJECT_ALLOCATION_FAILURE, "the device is out of memory: a smaller batch needs less"),
    CODE(CL_OUT_OF_RESOURCES, "the device is out of memory or ended a kernel that ran too long: try a smaller batch, and look at the system's log"),
    CODE(CL_OUT_OF_HOST_MEMORY, "the host is out of memory: a smaller batch needs less"),
    CODE(CL_PROFILING_INFO_NOT_AVAILABLE, NULL),
    CODE(CL_MEM_COPY_OVERLAP, NULL),
    CODE(CL_BUILD_PROGRAM_FAILURE, "update the driver; CONVOKE_KERNEL=OP:fwd=!ROW does without a kernel that it cannot compile"),
    CODE(CL_MAP_FAILURE, NULL),
    CODE(CL_MISALIGNED_SUB_BUFFER_OFFSET, NULL),
    CODE(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, "a kernel before it failed: look at the system's log"),
    CODE(CL_COMPILE_PROGRAM_FAILURE, "update the driver"),
    CODE(CL_LINKER_NOT_AVAILABLE, "install the driver's compiler package"),
    CODE(CL_LINK_PROGRAM_FAILURE, "update the driver"),
    CODE(CL_INVALID_VALUE, NULL),
    CODE(CL_INVALID_DEVICE_TYPE, NULL),
    CODE(CL_INVALID_PLATFORM, NULL),
    CODE(CL_INVALID_DEVICE, NULL),
    CODE(CL_INVALID_CONTEXT, NULL),
    CODE(CL_INVALID_QUEUE_PROPERTIES, NULL),
    CODE(CL_INVALID_COMMAND_QUEUE, "the device was lost: start the program again"),
    CODE(CL_INVALID_HOST_PTR, NULL),
    CODE(CL_INVALID_MEM_OBJECT, NULL),
    CODE(CL_INVALID_BINARY, "an entry of the program cache does not fit this driver; it is made anew"),
    CODE(CL_INVALID_BUILD_OPTIONS, "update the driver"),
    CODE(CL_INVALID_PROGRAM, NULL),
    CODE(CL_INVALID_PROGRAM_EXECUTABLE, NULL),
    CODE(CL_INVALID_KERNEL_NAME, NULL),
    CODE(CL_INVALID_KERNEL_DEFINITION, NULL),
    CODE(CL_INVALID_KERNEL, NULL),
    CODE(CL_INVALID_ARG_INDEX, NULL),
    CODE(CL_INVALID_ARG_VALUE, NULL),
    CODE(CL_INVALID_ARG_SIZE, NULL),
    CODE(CL_INVALID_KERNEL_ARGS, NULL),
    CODE(CL_INVALID_WORK_DIMENSION, NULL),
    CODE(CL_INVALID_WORK_GROUP_SIZE, "the device takes only smaller work-groups"),
    CODE(CL_INVALID_WORK_ITEM_SIZE, "the device takes only smaller work-groups"),
    CODE(CL_INVALID_GLOBAL_OFFSET, NULL),
    CODE(CL_INVALID_EVENT_WAIT_LIST, NULL),
    CODE(CL_INVALID_EVENT, NULL),
    CODE(CL_INVALID_OPERATION, NULL),
    CODE(CL_INVALID_BUFFER_SIZE, "the device takes no buffer of that size: a smaller batch needs less"),
    CODE(CL_INVALID_GLOBAL_WORK_SIZE, NULL),
    CODE(CL_INVALID_PROPERTY, NULL),
    CODE(CL_INVALID_COMPILER_OPTIONS, "update the driver"),
    CODE(CL_INVALID_LINKER_OPTIONS, "update the driver"),
    {-1001, "CL_PLATFORM_NOT_FOUND_KHR", "no OpenCL driver is installed: install the one of your device (pocl-opencl-icd runs on any CPU)"},
#undef CODE
};

const char *ocl_error_name(cl_int code)
{
    for (uint32_t i = 0; i < OCL_COUNT(codes); i++)
        if (codes[i].code == code)
            return codes[i].name;
    return "an OpenCL code without a name";
}

static const char *advice_for(cl_int code)
{
    for (uint32_t i = 0; i < OCL_COUNT(codes); i++)
        if (codes[i].code == code)
            return codes[i].advice;
    return NULL;
}

static int32_t status_of(cl_int code)
{
    switch (code) {
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_OUT_OF_HOST_MEMORY:
    case CL_INVALID_BUFFER_SIZE: return CVK_E_MEMORY;
    default: return CVK_E_DEVICE;
    }
}

int32_t ocl_fail_detail(const struct cvk_host *host, cl_int code, const char *detail, const char *text)
{
    const struct cvk_failure failure = {.size = sizeof failure,
                                        .status = status_of(code),
                                        .native_code = code,
                                        .native_name = ocl_error_name(code),
                                        .text = text,
                                        .detail = detail,
                                        .advice = advice_for(code)};
    return (host->fail)(host, &failure);
}

int32_t ocl_fail(const struct cvk_host *host, cl_int code, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return ocl_fail_detail(host, code, NULL, text);
}

void ocl_log(const struct cvk_host *host, uint32_t level, const char *category, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    host->log(host, level, category, text);
}
