"""Records and parameters, for authors of plugins: what run log stores keep, as JSON and back, and what tasks take and set."""

from magnus.run_log.codec import (
    from_bytes,
    run_from_json,
    run_to_json,
    step_from_json,
    step_to_json,
    to_bytes,
)
from magnus.run_log.metrics import CountedMetric, Metric, Metrics, plain_metrics
from magnus.run_log.parameters import (
    JsonParameter,
    LargeParameter,
    ListParameter,
    MetricParameter,
    ObjectParameter,
    Parameter,
    Scope,
    plain,
)
from magnus.run_log.records import (
    AttemptRecord,
    Branching,
    BranchScope,
    CatalogRecord,
    CodeIdentity,
    Owner,
    RunRecord,
    Status,
    StepRecord,
)
from magnus.run_log.summary import DamagedRun, RunSummary, summary, summary_from_bytes

__all__ = [
    "AttemptRecord",
    "BranchScope",
    "Branching",
    "CatalogRecord",
    "CodeIdentity",
    "CountedMetric",
    "DamagedRun",
    "JsonParameter",
    "LargeParameter",
    "ListParameter",
    "Metric",
    "MetricParameter",
    "Metrics",
    "ObjectParameter",
    "Owner",
    "Parameter",
    "RunRecord",
    "RunSummary",
    "Scope",
    "Status",
    "StepRecord",
    "from_bytes",
    "plain",
    "plain_metrics",
    "run_from_json",
    "run_to_json",
    "step_from_json",
    "step_to_json",
    "summary",
    "summary_from_bytes",
    "to_bytes",
]
