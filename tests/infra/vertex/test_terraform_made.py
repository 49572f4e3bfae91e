"""What infra/terraform makes, `make deploy` takes for its own."""

from google.cloud.aiplatform_v1.types import Endpoint

from tests.infra.terraform.test_configuration import blocks
from tests.infra.vertex.vertex_server import NUMBER

OF_THE_PROVIDER = {"goog-terraform-provisioned": "true"}  # it labels all that it makes


def test_bucket_and_endpoint_are_used_as_they_are(cloud):
    made = blocks("resource")["google_vertex_ai_endpoint.model"]
    key = "locations/europe-west4/endpoints/" + made["name"].replace("${each.value}", "sentiment")
    cloud.vertex.endpoints[key] = Endpoint(
        name=f"{NUMBER}/{key}",
        display_name=made["display_name"].replace("${each.value}", "sentiment"),
        labels=blocks("locals")["labels"] | OF_THE_PROVIDER,
    )
    bucket = {"name": "my-project-bertline", "location": "EUROPE-WEST4", "of": "Terraform"}
    cloud.storage.buckets["my-project-bertline"] = bucket
    cloud.run("deploy", cloud.model_dir, "--service_account", "bertline-serving@my-project.iam")
    assert "CreateEndpoint" not in cloud.vertex.calls
    assert cloud.storage.buckets == {"my-project-bertline": bucket}
    assert cloud.deployed() == [("sentiment-3", 100)]
    (deployed,) = cloud.vertex.endpoints[key].deployed_models
    assert deployed.service_account == "bertline-serving@my-project.iam"
