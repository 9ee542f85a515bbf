"""Every member of CreateTransformJob and what smlocal does with it."""

from __future__ import annotations

from smlocal.requests.decision import Decisions, honoured, recorded, refused

_PLAN = "tests/transform/test_plan.py::test_"
_JOB = "tests/transform/test_job.py::test_"
_FAILURES = "tests/transform/test_failures.py::test_"
_TOLD_BACK = "tests/requests/test_what_becomes_of_members.py::test_a_recorded_member_of_a_transform_job_is_told_back"

_PREFIX = f"{_JOB}every_object_under_the_string_prefix_is_input_in_the_order_of_keys"
_HEADERS = f"{_JOB}a_request_has_the_headers_of_the_platforms_client_and_no_other"
_STRATEGY = f"{_JOB}records_go_out_as_the_strategy_says"
_OUT = f"{_JOB}an_object_comes_back_under_its_name_with_out"
_UNFILTERED = f"{_PLAN}filters_that_filter_nothing_are_no_filters"
_MODEL = "tests/transform/test_runner.py::test_a_job_of_a_model_that_there_is_not_is_refused_and_its_name_stays_free"
_INSTANCE = "tests/requests/test_what_becomes_of_members.py::test_a_transform_job_runs_within_its_instance_type"
_DESCRIBED = f"{_JOB}the_description_is_the_request_with_what_became_of_it"
_FILTERS = "smlocal filters and joins no records: do it before and after the job, and leave DataProcessing out"
_CAPTURE = "smlocal captures no data of a transform job: leave it out, input and output are both at hand"
_SOURCE = "TransformInput.DataSource.S3DataSource"

_INPUT: Decisions = (
    *honoured("TransformInput", "says what is transformed", _PREFIX),
    *honoured("TransformInput.DataSource", "says where the objects come from", _PREFIX),
    *honoured(_SOURCE, "the objects come from an object store", _PREFIX),
    *honoured(
        f"{_SOURCE}.S3DataType",
        "all objects whose key begins with the prefix",
        _PREFIX,
        values=("S3Prefix",),
        otherwise='smlocal reads no manifests: put the objects below one prefix and use "S3Prefix"',
    ),
    *honoured(f"{_SOURCE}.S3Uri", "the prefix, as a string", _PREFIX),
    *honoured("TransformInput.ContentType", "is the Content-Type of each request", _HEADERS),
    *honoured(
        "TransformInput.CompressionType",
        "objects are sent as they are stored",
        f"{_JOB}an_object_that_is_not_split_is_sent_byte_for_byte",
        values=("None",),
        otherwise="smlocal unpacks no objects: store them uncompressed",
    ),
    *honoured(
        "TransformInput.SplitType",
        "objects are cut at their newlines, or not at all",
        _STRATEGY,
        values=("None", "Line"),
        otherwise='smlocal splits no binary records: use "Line" or "None"',
    ),
)

_OUTPUT: Decisions = (
    *honoured("TransformOutput", "says what becomes of the answers", _OUT),
    *honoured("TransformOutput.S3OutputPath", "each object's answers are one object there, with .out", _OUT),
    *honoured("TransformOutput.Accept", "is the Accept of each request", _HEADERS),
    *honoured(
        "TransformOutput.AssembleWith",
        "Line ends every answer with a newline",
        "tests/transform/test_assemble.py::test_answers_in_any_order_become_an_output_in_the_order_of_their_requests",
        values=("None", "Line"),
        otherwise='use "None" or "Line"',
    ),
    *refused(
        "TransformOutput.KmsKeyId", "smlocal does not encrypt: leave it out, and let the bucket encrypt if it must"
    ),
)

_HOW: Decisions = (
    *honoured(
        "MaxConcurrentTransforms",
        "so many requests are under way at once",
        f"{_JOB}requests_are_in_flight_together_and_the_output_keeps_the_order_of_records",
    ),
    *honoured("ModelClientConfig", "says how patient the job is", f"{_PLAN}a_client_configuration_is_followed"),
    *honoured(
        "ModelClientConfig.InvocationsTimeoutInSeconds",
        "how long one request may take",
        f"{_FAILURES}a_timeout_is_for_each_try",
    ),
    *honoured(
        "ModelClientConfig.InvocationsMaxRetries",
        "how often one is repeated",
        f"{_FAILURES}an_answer_that_never_comes_is_tried_again_as_often_as_asked",
    ),
    *honoured(
        "MaxPayloadInMB",
        "no body is longer; 0 sends an object whole",
        f"{_JOB}a_payload_is_filled_with_whole_lines_up_to_its_mebibytes",
    ),
    *honoured(
        "BatchStrategy",
        "as many records as fit in a request, or one",
        _STRATEGY,
        values=("MultiRecord", "SingleRecord"),
        otherwise='use "MultiRecord" or "SingleRecord"',
    ),
    *honoured(
        "Environment",
        "is the program's environment, with the model's",
        f"{_PLAN}the_container_is_told_only_what_the_request_gave",
    ),
    *honoured("TransformResources", "says on what the job runs", _INSTANCE),
    *honoured(
        "TransformResources.InstanceType",
        "limits vCPU and memory",
        _INSTANCE,
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
        _TOLD_BACK,
    ),
    *refused("TransformResources.TransformAmiVersion", "the container runs on this machine's own system: leave it out"),
    *honoured("DataProcessing", "a job whose records are to stay as they are is run", _UNFILTERED),
    *honoured("DataProcessing.InputFilter", "the whole record is sent", _UNFILTERED, values=("$",), otherwise=_FILTERS),
    *honoured(
        "DataProcessing.OutputFilter", "the whole answer is kept", _UNFILTERED, values=("$",), otherwise=_FILTERS
    ),
    *honoured("DataProcessing.JoinSource", "answers stay apart", _UNFILTERED, values=("None",), otherwise=_FILTERS),
)

MEMBERS: Decisions = (
    *honoured("TransformJobName", "names the job and its record", _DESCRIBED),
    *honoured("ModelName", "the model that answers", _MODEL),
    *_HOW,
    *_INPUT,
    *_OUTPUT,
    *refused("DataCaptureConfig", _CAPTURE, below=("DestinationS3Uri KmsKeyId GenerateInferenceId",)),
    *recorded("Tags", "AWS too only keeps them", _TOLD_BACK, below=("[].Key [].Value",)),
    *recorded(
        "ExperimentConfig",
        "it only files the job under an experiment, which the program cannot see",
        _TOLD_BACK,
        below=("ExperimentName TrialName TrialComponentDisplayName RunName",),
    ),
)
