"""Every member of CreateTransformJob and what smlocal does with it."""

from __future__ import annotations

from smlocal.requests.decision import Decisions, honoured, recorded, refused

_PLAN = "tests/transform/test_plan.py::test_"
_JOB = "tests/transform/test_job.py::test_"
_KEPT = "tests/test_journal.py::test_the_request_is_kept_as_it_was_given"

_READ = f"{_PLAN}a_request_is_read"
_FILTERS = "smlocal filters and joins no records: do it before and after the job, and leave DataProcessing out"
_CAPTURE = "smlocal captures no data of a transform job: leave it out, input and output are both at hand"
_SOURCE = "TransformInput.DataSource.S3DataSource"

_INPUT: Decisions = (
    *honoured("TransformInput", "says what is transformed", _READ),
    *honoured("TransformInput.DataSource", "says where the objects come from", _READ),
    *honoured(_SOURCE, "the objects come from an object store", _READ),
    *honoured(
        f"{_SOURCE}.S3DataType",
        "all objects whose key begins with the prefix",
        _READ,
        values=("S3Prefix",),
        otherwise='smlocal reads no manifests: put the objects below one prefix and use "S3Prefix"',
    ),
    *honoured(f"{_SOURCE}.S3Uri", "the prefix, as a string", _READ),
    *honoured("TransformInput.ContentType", "is the Content-Type of each request", _READ),
    *honoured(
        "TransformInput.CompressionType",
        "objects are sent as they are stored",
        _READ,
        values=("None",),
        otherwise="smlocal unpacks no objects: store them uncompressed",
    ),
    *honoured(
        "TransformInput.SplitType",
        "objects are cut at their newlines, or not at all",
        _READ,
        values=("None", "Line"),
        otherwise='smlocal splits no binary records: use "Line" or "None"',
    ),
)

_OUTPUT: Decisions = (
    *honoured("TransformOutput", "says what becomes of the answers", _READ),
    *honoured("TransformOutput.S3OutputPath", "each object's answers are one object there, with .out", _READ),
    *honoured("TransformOutput.Accept", "is the Accept of each request", _READ),
    *honoured(
        "TransformOutput.AssembleWith",
        "Line ends every answer with a newline",
        _READ,
        values=("None", "Line"),
        otherwise='use "None" or "Line"',
    ),
    *refused(
        "TransformOutput.KmsKeyId", "smlocal does not encrypt: leave it out, and let the bucket encrypt if it must"
    ),
)

_HOW: Decisions = (
    *honoured("MaxConcurrentTransforms", "so many requests are under way at once", _READ),
    *honoured("ModelClientConfig", "says how patient the job is", _READ),
    *honoured("ModelClientConfig.InvocationsTimeoutInSeconds", "how long one request may take", _READ),
    *honoured("ModelClientConfig.InvocationsMaxRetries", "how often one is repeated", _READ),
    *honoured("MaxPayloadInMB", "no body is longer; 0 sends an object whole", _READ),
    *honoured(
        "BatchStrategy",
        "as many records as fit in a request, or one",
        _READ,
        values=("MultiRecord", "SingleRecord"),
        otherwise='use "MultiRecord" or "SingleRecord"',
    ),
    *honoured(
        "Environment",
        "is the program's environment, with the model's",
        f"{_PLAN}the_container_is_told_what_the_request_gave",
    ),
    *honoured("TransformResources", "says on what the job runs", _READ),
    *honoured(
        "TransformResources.InstanceType",
        "limits vCPU and memory",
        f"{_JOB}an_instance_type_limits_the_container",
    ),
    *honoured(
        "TransformResources.InstanceCount",
        "one container runs",
        f"{_PLAN}what_is_not_supported_is_refused_by_name",
        values=(1,),
        otherwise="smlocal runs a job on one instance: use 1",
    ),
    *recorded(
        "TransformResources.VolumeKmsKeyId",
        "the job's volumes are on your own machine, and are removed when the job has ended",
        _KEPT,
    ),
    *refused("TransformResources.TransformAmiVersion", "the container runs on this machine's own system: leave it out"),
    *honoured("DataProcessing", "a job whose records are to stay as they are is run", _READ),
    *honoured("DataProcessing.InputFilter", "the whole record is sent", _READ, values=("$",), otherwise=_FILTERS),
    *honoured("DataProcessing.OutputFilter", "the whole answer is kept", _READ, values=("$",), otherwise=_FILTERS),
    *honoured("DataProcessing.JoinSource", "answers stay apart", _READ, values=("None",), otherwise=_FILTERS),
)

MEMBERS: Decisions = (
    *honoured("TransformJobName", "names the job and its record", _READ),
    *honoured("ModelName", "the model that answers", f"{_JOB}the_description_repeats_the_request"),
    *_HOW,
    *_INPUT,
    *_OUTPUT,
    *refused("DataCaptureConfig", _CAPTURE, below=("DestinationS3Uri KmsKeyId GenerateInferenceId",)),
    *recorded("Tags", "AWS too only keeps them", _KEPT, below=("[].Key [].Value",)),
    *recorded(
        "ExperimentConfig",
        "it only files the job under an experiment, which the program cannot see",
        _KEPT,
        below=("ExperimentName TrialName TrialComponentDisplayName RunName",),
    ),
)
