locals {
  bucket   = var.bucket != "" ? var.bucket : "${var.project}-bertline"
  location = var.kubernetes_location != "" ? var.kubernetes_location : var.region

  # infra.vertex takes for its own only what has this label.
  labels = { managed_by = "bertline" }

  services = toset(concat(
    [
      "aiplatform.googleapis.com",
      "artifactregistry.googleapis.com",
      "compute.googleapis.com",
      "dataflow.googleapis.com",
      "iam.googleapis.com",
      "storage.googleapis.com",
    ],
    var.kubernetes ? ["container.googleapis.com"] : [],
  ))
}

# They stay enabled after destroy: others in the project may need them.
resource "google_project_service" "needed" {
  for_each = local.services

  project            = var.project
  service            = each.value
  disable_on_destroy = false
}

resource "google_storage_bucket" "bertline" {
  name                        = local.bucket
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.force_destroy
  labels                      = local.labels

  depends_on = [google_project_service.needed]
}

# The default images of infra.vertex are in a repository of this name.
resource "google_artifact_registry_repository" "bertline" {
  repository_id = "bertline"
  description   = "Images of infra/docker"
  format        = "DOCKER"
  location      = var.region
  labels        = local.labels

  depends_on = [google_project_service.needed]
}

resource "google_artifact_registry_repository_iam_member" "writer" {
  for_each = var.image_writers

  location   = google_artifact_registry_repository.bertline.location
  repository = google_artifact_registry_repository.bertline.name
  role       = "roles/artifactregistry.writer"
  member     = each.value
}

# An empty endpoint, which costs nothing. What is deployed to it, and who gets which share of the
# requests, is the matter of `make deploy`.
resource "google_vertex_ai_endpoint" "model" {
  for_each = var.models

  name         = "bertline-${each.value}"
  display_name = each.value
  location     = var.region
  labels       = local.labels

  lifecycle {
    ignore_changes = [traffic_split]
  }

  depends_on = [google_project_service.needed]
}
