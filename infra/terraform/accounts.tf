# Who runs what. No account has a key: people and CI act as the deployer by impersonation.

# Runs `python -m infra.vertex`.
resource "google_service_account" "deployer" {
  account_id   = "bertline-deployer"
  display_name = "Bertline: deploys models, starts jobs"

  depends_on = [google_project_service.needed]
}

resource "google_project_iam_member" "deployer" {
  for_each = toset(["roles/aiplatform.user", "roles/dataflow.developer"])

  project = var.project
  role    = each.value
  member  = google_service_account.deployer.member
}

# Objects, and a look at the bucket itself; making and deleting buckets is Terraform's part.
resource "google_storage_bucket_iam_member" "deployer" {
  for_each = toset(["roles/storage.objectUser", "roles/storage.legacyBucketReader"])

  bucket = google_storage_bucket.bertline.name
  role   = each.value
  member = google_service_account.deployer.member
}

# It may start jobs and servers that run as these.
resource "google_service_account_iam_member" "deployer" {
  for_each = {
    serving = google_service_account.serving.name
    trainer = google_service_account.trainer.name
    worker  = google_service_account.worker.name
  }

  service_account_id = each.value
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer.member
}

resource "google_service_account_iam_member" "people" {
  for_each = var.deployers

  service_account_id = google_service_account.deployer.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = each.value
}

# The server on Vertex AI. It needs no role: Vertex AI gives it its own copy of the model.
resource "google_service_account" "serving" {
  account_id   = "bertline-serving"
  display_name = "Bertline: serves models"

  depends_on = [google_project_service.needed]
}

# The trainer on Vertex AI: reads data and writes runs where the bucket is mounted.
resource "google_service_account" "trainer" {
  account_id   = "bertline-trainer"
  display_name = "Bertline: trains"

  depends_on = [google_project_service.needed]
}

resource "google_storage_bucket_iam_member" "trainer" {
  bucket = google_storage_bucket.bertline.name
  role   = "roles/storage.objectUser"
  member = google_service_account.trainer.member
}

# Dataflow's workers: read raw data, write data sets, pull the image that they run.
resource "google_service_account" "worker" {
  account_id   = "bertline-worker"
  display_name = "Bertline: preprocesses on Dataflow"

  depends_on = [google_project_service.needed]
}

resource "google_project_iam_member" "worker" {
  project = var.project
  role    = "roles/dataflow.worker"
  member  = google_service_account.worker.member
}

resource "google_storage_bucket_iam_member" "worker" {
  bucket = google_storage_bucket.bertline.name
  role   = "roles/storage.objectUser"
  member = google_service_account.worker.member
}

resource "google_artifact_registry_repository_iam_member" "worker" {
  location   = google_artifact_registry_repository.bertline.location
  repository = google_artifact_registry_repository.bertline.name
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.worker.member
}
