"""Missing credentials are seen before a run, and no credentials that may be there are said to be missing."""

import pytest

from magnus.object_stores.address import ObjectLocation, address_of
from magnus.object_stores.credentials import missing_credentials

S3 = ObjectLocation("s3://bucket/x")


def missing(tmp_path, location, *variables, vendor="Dell Inc.\n"):
    file = tmp_path / "vendor"
    if vendor:
        file.write_text(vendor)
    return missing_credentials(location, address_of(location), variables, tmp_path, file)


@pytest.mark.parametrize(
    ("url", "variables", "fix"),
    [
        ("s3://bucket", ["AWS_REGION", "AWS_CA_BUNDLE", "AWS_SHARED_CREDENTIALS_FILE"], "AWS_ACCESS_KEY_ID"),
        ("gs://bucket", [], "GOOGLE_APPLICATION_CREDENTIALS"),
        ("az://bucket", ["AZURE_STORAGE_ACCOUNT_NAME"], "AZURE_STORAGE_ACCOUNT_KEY"),
    ],
)
def test_credentials_that_nobody_set_are_missing(tmp_path, url, variables, fix):
    problem = missing(tmp_path, ObjectLocation(url), *variables)
    assert url in problem.message
    assert fix in problem.fix


@pytest.mark.parametrize(
    ("location", "variables", "vendor"),
    [
        (S3, ["AWS_ACCESS_KEY_ID"], "Dell"),
        (S3, ["AWS_WEB_IDENTITY_TOKEN_FILE"], "Dell"),
        (S3, ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"], "Dell"),
        (S3, [], "Amazon EC2\n"),
        (S3, [], "Xen\n"),
        (ObjectLocation("s3://bucket", access_key_id="a"), [], "Dell"),
        (ObjectLocation("s3://bucket", profile="a"), [], "Dell"),
        (ObjectLocation("s3://bucket", settings={"skip_signature": True}), [], "Dell"),
        (ObjectLocation("gs://bucket"), ["GOOGLE_SERVICE_ACCOUNT"], "Dell"),
        (ObjectLocation("gs://bucket"), [], "Google\n"),
        (ObjectLocation("gs://bucket"), [], ""),
        (ObjectLocation("az://c"), ["AZURE_CLIENT_SECRET"], "Dell"),
        (ObjectLocation("az://c", settings={"account_key": "a"}), [], "Dell"),
        (ObjectLocation("az://c"), [], "Microsoft Corporation\n"),
        (ObjectLocation("file:///tmp/x"), [], "Dell"),
    ],
)
def test_credentials_that_may_be_there_are_not_missing(tmp_path, location, variables, vendor):
    assert missing(tmp_path, location, *variables, vendor=vendor) is None


def test_the_file_of_gcloud_counts(tmp_path):
    file = tmp_path / ".config/gcloud/application_default_credentials.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    assert missing(tmp_path, ObjectLocation("gs://bucket")) is None
