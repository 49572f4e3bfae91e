output "image_prefix" {
  description = "IMAGE_PREFIX of make docker."
  value       = "${google_artifact_registry_repository.bertline.location}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.bertline.repository_id}"
}

output "bucket" {
  description = "--bucket of infra.vertex, or BERTLINE_BUCKET."
  value       = google_storage_bucket.bertline.name
}

output "endpoints" {
  description = "Model to id of its endpoint."
  value       = { for model, endpoint in google_vertex_ai_endpoint.model : model => endpoint.name }
}

output "deployer_account" {
  description = "Whom to act as with python -m infra.vertex."
  value       = google_service_account.deployer.email
}

output "serving_account" {
  description = "--service_account of deploy; on GKE the annotation of the pods' account."
  value       = google_service_account.serving.email
}

output "trainer_account" {
  description = "--service_account of train."
  value       = google_service_account.trainer.email
}

output "worker_account" {
  description = "--service_account of preprocess."
  value       = google_service_account.worker.email
}

output "cluster_credentials" {
  description = "Command that lets kubectl reach the cluster; empty without one."
  value       = join("", [for cluster in google_container_cluster.bertline : "gcloud container clusters get-credentials ${cluster.name} --location ${cluster.location} --project ${var.project}"])
}
